"""Every request meets the gate first: it finds out who asks, and turns away what another site's page sends.

Without logins everyone who reaches the page is the person at this machine; `webui.serve` lets that be on loopback only.
"""

from collections.abc import Callable
from typing import Protocol

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from webui.access.who import KEY, STILL, NotAllowed, Person, Role
from webui.security import App, Receive, Scope, Send

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class Doorman(Protocol):
    """Who asks."""

    def person(self, request: Request) -> Person | Response:
        """The person, or what is answered instead. May read files; never waits for a network."""
        ...

    def asks(self, request: Request) -> Role:
        """What every change needs at least; single pages may need more."""
        ...


class Anyone:
    """Nobody logs in: whoever is here is the person of this machine. `author` is asked each time."""

    def __init__(self, author: Callable[[], str]) -> None:
        self.author = author

    def person(self, request: Request) -> Person | Response:
        return Person(self.author(), Role.ADMIN)

    def asks(self, request: Request) -> Role:
        return Role.OPERATOR


class Gate:
    """ASGI. After it every scope has a person."""

    def __init__(self, app: App, doorman: Doorman) -> None:
        self.app, self.doorman = app, doorman

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        request = Request(scope)
        answer: Person | Response
        if crosses(request):
            answer = PlainTextResponse("This was sent by a page of another site.\n", 403)
        else:
            answer = self.doorman.person(request)
        if isinstance(answer, Response):
            return await answer(scope, receive, send)
        scope[KEY] = answer
        scope[STILL] = lambda: isinstance(self.doorman.person(request), Person)
        if request.method not in SAFE and not answer.may(self.doorman.asks(request)):
            refused = NotAllowed(answer, self.doorman.asks(request), "Asking for anything")
            return await PlainTextResponse(f"{refused}\n", 403)(scope, receive, send)
        return await self.app(scope, receive, send)


def crosses(request: Request) -> bool:
    """Whether a browser says that another site made it ask for a change. Programs say nothing of the kind."""
    if request.method in SAFE:
        return False
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return True
    origin = request.headers.get("origin")
    return origin is not None and origin.partition("://")[2].lower() != request.headers.get("host", "").lower()
