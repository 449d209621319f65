"""Who is turned away before the API is reached hears it in the API's own shape."""

from starlette.datastructures import Headers
from starlette.responses import Response

from webui.asgi.headers import App, Message, Receive, Scope, Send

LONGEST = 4096


class Shape:
    """ASGI. Below `path` a refusal that is plain text becomes `{error, text}`; the status stays."""

    def __init__(self, app: App, path: str) -> None:
        self.app, self.path = app, path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(f"{self.path}/"):
            return await self.app(scope, receive, send)
        begun: Message = {}
        said = b""

        async def shaped(message: Message) -> None:
            nonlocal begun, said
            if message["type"] == "http.response.start" and _plain(message):
                begun = message
            elif begun and message["type"] == "http.response.body":
                said = (said + message.get("body", b""))[:LONGEST]
                if not message.get("more_body"):
                    await _answered(begun, said)(scope, receive, send)
            else:
                await send(message)

        return await self.app(scope, receive, shaped)


def _plain(start: Message) -> bool:
    kind = Headers(raw=start.get("headers", [])).get("content-type", "")
    return start["status"] >= 400 and kind.startswith("text/plain")


def _answered(start: Message, said: bytes) -> Response:
    """With the headers that say more, as how to log in."""
    from webui.api.errors import WORDS, answer

    found = answer(start["status"], WORDS.get(start["status"], "Refused"), said.decode(errors="replace").strip())
    for name, value in Headers(raw=start.get("headers", [])).items():
        if name not in ("content-type", "content-length"):
            found.headers[name] = value
    return found
