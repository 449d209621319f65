"""Bodies of forms are read here, before a thread takes them: whoever sends slowly holds a socket, and nothing else."""

import asyncio

from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse

from webui.asgi.headers import App, Message, Receive, Scope, Send

LARGEST = 1 << 20
PATIENCE = 10.0
"""Bytes of a body, and seconds in which it has to be there."""


class Whole:
    """Hands requests on only once all of them is there."""

    def __init__(self, app: App, largest: int = LARGEST, patience: float = PATIENCE) -> None:
        self.app, self.largest, self.patience = app, largest, patience

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        try:
            body = await asyncio.wait_for(self._body(scope, receive), self.patience)
        except TimeoutError:
            return await PlainTextResponse("The request did not come to its end.\n", 408)(scope, receive, send)
        except ClientDisconnect:
            return None
        if body is None:
            text = f"At most {self.largest} bytes.\n"
            return await PlainTextResponse(text, 413)(scope, receive, send)
        first: Message | None = {"type": "http.request", "body": body, "more_body": False}

        async def replayed() -> Message:
            nonlocal first
            message, first = first, None
            return message if message is not None else await receive()

        return await self.app(scope, replayed, send)

    async def _body(self, scope: Scope, receive: Receive) -> bytes | None:
        """None where it is too large."""
        found = bytearray()
        async for piece in Request(scope, receive).stream():
            found += piece
            if len(found) > self.largest:
                return None
        return bytes(found)
