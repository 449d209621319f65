"""Every request meets the gate first: it finds out who asks, and turns away what another site's page sends.

Without logins everyone who reaches the page is the person at this machine; `webui.asgi.serve` lets that be on loopback
only.
"""

from collections.abc import Callable
from typing import Protocol

from starlette.requests import Request
from starlette.responses import Response

from webui.access.config import origin_of
from webui.access.kept_form import is_form, kept
from webui.access.person import KEY, STILL, NotAllowed, Person, Role
from webui.access.turned_away import turned_away
from webui.asgi.headers import App, Receive, Scope, Send

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
OTHER_SITE = (
    "If it was this page all the same, a proxy hides how people reach it: say so in web.yaml, as `url: https://…`."
)


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


class AccessGate:
    """ASGI. After it every scope has a person. `origins` are those under which people reach the page."""

    def __init__(self, app: App, doorman: Doorman, origins: frozenset[str] = frozenset()) -> None:
        self.app, self.doorman, self.origins = app, doorman, origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        request = Request(scope)
        answer: Person | Response
        if crosses(request, self.origins):
            answer = turned_away(scope, 403, "This was sent by a page of another site", OTHER_SITE)
        else:
            answer = self.doorman.person(request)
        if isinstance(answer, Response):
            if answer.status_code == 401 and is_form(request):
                answer = await kept(Request(scope, receive), answer)
            return await answer(scope, receive, send)
        scope[KEY] = answer
        scope[STILL] = lambda: isinstance(self.doorman.person(request), Person)
        if request.method not in SAFE and not answer.may(self.doorman.asks(request)):
            refused = NotAllowed(answer, self.doorman.asks(request), "Asking for anything")
            return await turned_away(scope, 403, "This is not for you", f"{refused}.")(scope, receive, send)
        return await self.app(scope, receive, send)


def crosses(request: Request, origins: frozenset[str] = frozenset()) -> bool:
    """Whether a browser says that another site made it ask for a change. Programs say nothing of the kind.

    A proxy may pass on another Host than people asked for. What a browser says of the site it cannot be made to say
    by a page; it says it by https only, so that by http the origin is compared with the Host and with `origins`.
    """
    if request.method in SAFE:
        return False
    site = request.headers.get("sec-fetch-site")
    if site is not None and site != "none":
        return site != "same-origin"
    said = request.headers.get("origin") or request.headers.get("referer")
    if said is None:
        return False
    origin = origin_of(said)
    host = request.headers.get("host", "").lower()
    return origin not in origins and origin not in {origin_of(f"{scheme}://{host}") for scheme in ("http", "https")}
