"""`/hooks/git`: a Git server says that somebody has pushed, and the node looks at once instead of at its next poll.

Nothing is done with what it says, so nothing that is said can do harm; the secret keeps strangers from making the node
ask its server all the time. GitLab sends it as it is, GitHub and Gitea sign the body with it, other programs send it as
a bearer token. It stands in no address, which would end up in logs.
"""

import hmac
from collections.abc import Callable
from pathlib import Path

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response

from webui.access import hook_secret
from webui.asgi.only_route import OnlyRoute
from webui.source.nudges import Seldom

LARGEST = 25 << 20
"""Bytes of a signed body: the most that GitHub sends."""


class Hook:
    """`data` is where the secret lies. It is read each time, so that a new one needs no restart."""

    def __init__(self, data: Path, wake: Callable[[], None]) -> None:
        self.secret, self.wake = hook_secret.make(data), Seldom(wake)

    async def answer(self, request: Request) -> Response:
        secret = hook_secret.read(self.secret)
        if not secret or not await _knows(request, secret.encode()):
            return PlainTextResponse("this hook has a secret: `winslowctl web hook` prints it\n", 401)
        self.wake()
        return PlainTextResponse("thanks\n", 202)

    def route(self) -> OnlyRoute:
        return OnlyRoute(hook_secret.PLACE, self.answer, methods=["POST"])


async def _knows(request: Request, secret: bytes) -> bool:
    signature = request.headers.get("x-hub-signature-256")
    if signature is not None:
        made = await _signed(request, secret)
        return made is not None and _same(signature, f"sha256={made}".encode())
    return any(_same(given, secret) for given in _told(request.headers))


def _told(headers: Headers) -> list[str]:
    kind, _, token = headers.get("authorization", "").partition(" ")
    return [headers.get("x-gitlab-token", ""), token.strip() if kind.lower() == "bearer" else ""]


def _same(given: str, wanted: bytes) -> bool:
    """In the same time wherever they differ."""
    return hmac.compare_digest(given.encode("latin-1"), wanted)


async def _signed(request: Request, secret: bytes) -> str | None:
    """What the body's signature should be. It is not kept; None if it is too long or breaks off."""
    mac, size = hmac.new(secret, digestmod="sha256"), 0
    try:
        async for piece in request.stream():
            size += len(piece)
            if size > LARGEST:
                return None
            mac.update(piece)
    except ClientDisconnect:
        return None
    return mac.hexdigest()
