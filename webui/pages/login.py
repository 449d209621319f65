"""Logging in and out. Nothing of the repository is shown here."""

import re
import threading
from collections.abc import Callable
from ipaddress import ip_address, ip_network
from typing import Any

from flask import Blueprint, Response, current_app, make_response, redirect, render_template, request, session
from limits import parse
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from starlette.requests import Request

from schema.access import Role
from webui.access.authenticator import Logins, claims_of
from webui.access.oidc import NotLoggedIn, Provider
from webui.access.record_file import CannotChange
from webui.access.sessions import Claims
from webui.pages.common import page

pages = Blueprint("login", __name__)
PER_NAME, PER_ADDRESS, FAILED = parse("10/minute"), parse("60/minute"), parse("100/hour")
"""Attempts for a name from one network, for all names from there, and failures for a name wherever they come from."""
ASKING = threading.BoundedSemaphore(2)
"""Threads that wait for the provider at a time."""
_NEXT = re.compile(r"/(?![/\\])[^\s\\\x00-\x1f]*")
_attempts = MovingWindowRateLimiter(MemoryStorage())


def _logins() -> Logins | None:
    return page().logins


def _provider() -> Provider | None:
    return current_app.extensions.get("winslow provider")


@pages.get("/login")
def show() -> Response | str:
    logins = _logins()
    if logins is None or not logins.needed:
        return redirect("/", code=303)  # type: ignore[return-value]
    claims = _known(logins)
    if claims is not None and logins.role(claims) >= Role.READER:
        return redirect(_wanted(), code=303)  # type: ignore[return-value]
    return _form()


@pages.post("/login")
def enter() -> Response | tuple[str, int]:
    """A wrong name is told like a wrong password, and takes as long."""
    logins, name = _logins(), request.form.get("name", "").strip().lower()[:64]
    if logins is None:
        return redirect("/", code=303)  # type: ignore[return-value]
    if not _may_try(name):
        return _form("Too many attempts. Wait a minute, and try again."), 429
    try:
        user = logins.users.check(name, request.form.get("password", ""))
    except CannotChange as error:
        return _form(str(error)), 503
    if user is None:
        _attempts.hit(FAILED, name)
        return _form("Wrong name or password."), 401
    return _let_in(logins, claims_of(user))


def _may_try(name: str) -> bool:
    client = _network(request.remote_addr or "")
    if not (_attempts.hit(PER_ADDRESS, client) and _attempts.hit(PER_NAME, client, name)):
        return False
    return _attempts.test(FAILED, name)


def _network(address: str) -> str:
    """An IPv6 client has 2**64 addresses at hand."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    return address if found.version == 4 else str(ip_network((int(found), 64), strict=False))


@pages.get("/login/oidc")
def leave() -> Any:
    provider = _provider()
    if provider is None:
        return redirect("/login", code=303)
    session["next"] = _wanted()
    return _or_said(provider.send)


@pages.get("/login/back")
def back() -> Any:
    provider, logins = _provider(), _logins()
    if provider is None or logins is None:
        return redirect("/login", code=303)
    return _or_said(lambda: _let_in(logins, provider.back()))


def _or_said(work: Callable[[], Any]) -> Any:
    client = _network(request.remote_addr or "")
    if not _attempts.hit(PER_ADDRESS, client) or not ASKING.acquire(blocking=False):
        return _form("Too many are logging in. Wait a moment, and try again."), 503
    try:
        return work()
    except NotLoggedIn as error:
        return _form(str(error)), 502
    finally:
        ASKING.release()


@pages.post("/logout")
def exit() -> Response:
    answer: Response = redirect("/login", code=303)  # type: ignore[assignment]
    if logins := _logins():
        logins.sessions.end(request.cookies.get(logins.cookie, ""))
        answer.delete_cookie(logins.cookie, secure=logins.secure, httponly=True, samesite="Lax")
    return answer


def _let_in(logins: Logins, claims: Claims) -> Response:
    """To where they wanted to go, or to the word that they may not."""
    answer = make_response(redirect(_wanted(), code=303))
    answer.set_cookie(
        logins.cookie, logins.sessions.give(claims, logins.means), max_age=logins.sessions.lasts,
        secure=logins.secure, httponly=True, samesite="Lax", path="/",
    )  # fmt: skip
    return answer


def _wanted() -> str:
    """Where they came from: a path of this page, never another site."""
    text = request.values.get("next") or session.pop("next", "/")
    return text if _NEXT.fullmatch(text) else "/"


def _form(wrong: str = "") -> str:
    logins = _logins()
    claims = _known(logins) if logins else None
    if logins and claims and logins.role(claims) >= Role.READER:
        claims = None
    return render_template(
        "login.html", wrong=wrong, next=_wanted(), provider=_provider(), claims=claims,
        local=bool(logins and _has_users(logins)),
    )  # fmt: skip


def _known(logins: Logins) -> Claims | None:
    """Who is logged in and came here all the same: `winslow.yaml` gives them no role."""
    try:
        return logins.claims(Request(request.environ["asgi.scope"]))
    except CannotChange:
        return None


def _has_users(logins: Logins) -> bool:
    try:
        return bool(logins.users.all())
    except CannotChange:
        return True
