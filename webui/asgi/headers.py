"""What every answer carries, and which requests are not answered at all."""

import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from starlette.responses import Response

from webui.access.person import KEY
from webui.access.turned_away import turned_away

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self'; "
    "connect-src 'self'; font-src 'self'; frame-src 'self'; worker-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
ALIVE = "/healthz"
"""Answered whatever the Host: proxies look there by address, and it tells nothing."""
_HOST = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+))(?::[0-9]{1,5})?")
HEADERS = [
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"x-frame-options", b"DENY"),
]


class Guard:
    """Adds the headers, unless the answer has its own, and refuses requests for a host that is not this one."""

    def __init__(self, app: App, hosts: frozenset[str]) -> None:
        self.app, self.hosts = app, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        if scope["path"] != ALIVE and not self._ours(scope):
            return await _elsewhere(scope)(scope, receive, send)

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = {name.lower() for name, _ in message.get("headers", ())}
                own = [each for each in (*HEADERS, _kept(scope)) if each[0] not in given]
                message = {**message, "headers": [*message.get("headers", ()), *own]}
            await send(message)

        await self.app(scope, receive, guarded)
        return None

    def _ours(self, scope: Scope) -> bool:
        return _without_port(_host(scope)).lower() in self.hosts


def _host(scope: Scope) -> str:
    return next((value.decode("latin-1") for name, value in scope["headers"] if name == b"host"), "")


def _elsewhere(scope: Scope) -> Response:
    """Which host was asked for, and what to do if it is one of this page's."""
    host = "".join(each for each in _host(scope)[:100] if each.isprintable())
    if not host:
        text = f"The request names no host. A proxy that only looks whether this page is there asks for {ALIVE}."
    else:
        text = "If people reach it under that name, or a proxy passes it on, add it to `hosts:` in web.yaml."
    return turned_away(scope, 421, f"This page is not {host!r}" if host else "Which page is meant?", text)


def _kept(scope: Scope) -> tuple[bytes, bytes]:
    """Of what somebody saw who had logged in, nothing stays for the next one at that browser."""
    person = scope.get(KEY)
    return b"cache-control", b"private, no-store" if person is not None and person.login else b"private, no-cache"


def _without_port(host: str) -> str:
    """Nothing where it is more than a name and a port."""
    match = _HOST.fullmatch(host)
    return (match[1] or match[2]) if match else ""
