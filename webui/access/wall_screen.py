"""A screen in a corridor: it may look at one page, and shows by a token which one it is.

The address that is typed there once holds the token; it is answered with a cookie for that page alone and the address
without it. So the token is in no list of pages that were looked at, and a browser brings it nowhere else.
"""

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from webui.access.person import Person, Role
from webui.access.sessions import cookie
from webui.access.tokens import WALL, ApiToken, Tokens
from webui.access.turned_away import turned_away

PLACE = "/wall"
QUERY = "token"
LASTS = 400 * 86_400
"""Seconds that a browser keeps a cookie at most; the token ends by itself."""


class WallScreen:
    """`secret` tells this page's cookie from those of others on the same host."""

    def __init__(self, tokens: Tokens, secret: bytes, *, secure: bool) -> None:
        self.tokens, self.secure = tokens, secure
        self.cookie = cookie("winslow-wall", secret, secure=False)  # one for a path has no prefix

    def answer(self, request: Request, *, known: bool) -> Person | Response | None:
        """Of who asks for the wall; None where no token of a wall is shown. CannotChange: the file is damaged.

        Where the page knows who asks by other means (`known`), a cookie of a token that has ended bars nobody.
        """
        typed = request.query_params.get(QUERY, "")
        text = typed or request.cookies.get(self.cookie, "")
        if not text:
            return None
        token = self.tokens.find(text)
        if token is None or token.role != WALL:
            return None if known and not typed else _ended(request)
        return self._kept(text) if typed else person_of(token)

    def _kept(self, text: str) -> Response:
        answer = RedirectResponse(PLACE, 303, {"Referrer-Policy": "no-referrer", "Cache-Control": "no-store"})
        answer.set_cookie(self.cookie, text, LASTS, path=PLACE, secure=self.secure, httponly=True, samesite="lax")
        return answer


def person_of(token: ApiToken) -> Person:
    return Person(token.author, Role.NOBODY, f"token {token.name}", wall=True)


def nowhere_else(request: Request) -> Response:
    return turned_away(request.scope, 403, "This is not for you", "This token may look at /wall, and do nothing else.")


def _ended(request: Request) -> Response:
    text = (
        "Its token has ended, was removed, or is for something else. "
        "Make one with `winslowctl web tokens add NAME --role wall`."
    )
    return turned_away(request.scope, 401, "This screen may not look", text)
