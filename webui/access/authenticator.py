"""The doorman where people log in: cookies for browsers, tokens for programs, and each one's role as of now."""

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from schema.access import Access, Role
from webui.access.gate import Anyone
from webui.access.hook_secret import PLACE, TRIGGERS
from webui.access.person import NOBODY, Person
from webui.access.record_file import CannotChange
from webui.access.sessions import Claims, Sessions, cookie
from webui.access.tokens import WALL, Tokens
from webui.access.turned_away import turned_away
from webui.access.users import User, Users
from webui.access.wall_screen import PLACE as PLACE_OF_WALL
from webui.access.wall_screen import WallScreen, nowhere_else, person_of

AGAIN = "Your session has ended, or nobody is logged in here. Nothing was done."
OPEN = frozenset({"/healthz", "/readyz", "/login", "/login/oidc", "/login/back", "/logout", PLACE})
"""What asks for no login; each looks after itself."""


def path_of(request: Request) -> str:
    """As it was asked for. Not `request.url`: that is put together from the Host header, which may say anything."""
    return str(request.scope["path"])


def is_open(path: str) -> bool:
    folder, _, _ = path.rpartition("/")  # of the hook of one trigger, which has a token of its own
    return path in OPEN or path.startswith("/static/") or folder == TRIGGERS


def claims_of(user: User) -> Claims:
    return Claims(user.name, user.author, (f"user:{user.name}", f"mail:{user.address}"), user.stamp)


@dataclass(frozen=True, slots=True)
class Logins:
    """`access` is what `winslow.yaml` says now; None while the repository was not reached yet.

    With `anyone` nobody has to log in, until this machine had its first user; a token counts all the same.
    """

    users: Users
    tokens: Tokens
    sessions: Sessions
    access: Callable[[], Access | None]
    secure: bool = False
    anyone: Anyone | None = None

    @property
    def cookie(self) -> str:
        return cookie("winslow-login", self.sessions.secret, secure=self.secure)

    def person(self, request: Request) -> Person | Response:
        path = path_of(request)
        if is_open(path):
            return NOBODY
        try:
            if bearer := _bearer(request):
                return self._by_token(bearer, request)
            if path.rstrip("/") == PLACE_OF_WALL and (screen := self._wall.answer(request, known=self._known(request))):
                return screen
            if not self.needed and self.anyone:
                return self.anyone.person(request)
            if path == "/api" or path.startswith("/api/"):
                return _unknown("the API takes tokens: Authorization: Bearer winslow_…")
            claims = self.claims(request)
        except CannotChange as error:
            return PlainTextResponse(f"{error}\n", 503)
        if claims is None:
            return _to_login(request)
        found = Person(claims.author, self.role(claims), claims.login)
        return found if found.may(Role.READER) else _to_login(request)

    @property
    def needed(self) -> bool:
        """Removing the last user opens no door: then nobody is let in."""
        return self.anyone is None or self.users.kept.path.exists()

    def _known(self, request: Request) -> bool:
        return self.claims(request) is not None if self.needed else self.anyone is not None

    def asks(self, request: Request) -> Role:
        return Role.NOBODY if is_open(path_of(request)) else Role.OPERATOR

    def claims(self, request: Request) -> Claims | None:
        """Of the cookie. A local user's ends with the user, or with the password. CannotChange."""
        found = self.sessions.read(request.cookies.get(self.cookie, ""))
        if found is None or not found.stamp:
            return found
        user = self.users.all().get(found.login)
        return claims_of(user) if user and user.stamp == found.stamp else None

    def role(self, claims: Claims) -> Role:
        """As `winslow.yaml` says now. Where it says nothing, this machine's own users are operators, others nobody."""
        access = self.access()
        if access is not None and access.said:
            return access.role(claims.names)
        return Role.OPERATOR if claims.stamp else Role.NOBODY

    def means(self, name: str) -> bool:
        """Whether `winslow.yaml` gives a role by this name."""
        access = self.access()
        return access is not None and access.role((name,)) > Role.NOBODY

    @property
    def _wall(self) -> WallScreen:
        return WallScreen(self.tokens, self.sessions.secret, secure=self.secure)

    def _by_token(self, text: str, request: Request) -> Person | Response:
        token = self.tokens.find(text)
        if token is None:
            return _unknown("this token is not known here, or it has ended")
        if token.role == WALL:
            looks = path_of(request) == PLACE_OF_WALL and request.method in ("GET", "HEAD")
            return person_of(token) if looks else nowhere_else(request)
        return Person(token.author, Role[token.role.upper()], f"token {token.name}")


def _bearer(request: Request) -> str:
    kind, _, text = request.headers.get("authorization", "").partition(" ")
    return text.strip() if kind.lower() == "bearer" else ""


def _unknown(text: str) -> Response:
    return PlainTextResponse(f"{text}\n", 401, {"WWW-Authenticate": "Bearer"})


def _to_login(request: Request) -> Response:
    """A page leads there; what a page asked for in passing says so in htmx's way, and to programs as a status."""
    wanted = path_of(request) + (f"?{query}" if (query := request.scope["query_string"].decode("latin-1")) else "")
    if "text/html" in request.headers.get("accept", "") and request.method == "GET":
        return RedirectResponse(f"/login?next={quote(wanted)}", 303)
    return turned_away(request.scope, 401, "Log in first", AGAIN, {"HX-Redirect": "/login"})
