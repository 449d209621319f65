"""The page as it was at any moment: below `/at/<when>/` every page shows the snapshot of then.

Nothing can be asked there, and pages know nothing of it: what comes off the path here goes in front of every link of
the answer.
"""

import re
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass
from threading import BoundedSemaphore, Lock, Timer
from typing import Any
from urllib.parse import quote

from flask import Flask, Response, abort, g, request

from state.contract.commit_message import parse
from state.contract.errors import StateError
from state.history import at_time
from webui.source.view_source import Look, ViewSource

WHEN = "winslow.when"
KEPT = 4
"""Past snapshots in memory: of ten thousand projects each takes some tens of MB."""
FORGOTTEN = 300.0
"""Seconds after which they go, where nobody looks at any."""
AT_ONCE = 2
PATIENCE = 5.0
"""So many are made at once, each in a thread that then answers nobody else; and seconds that others wait for one."""
_PREFIX = re.compile(r"/at/([A-Za-z0-9.:+~ -]{1,64})(/.*|)")
"""Only what moments are made of, as it comes into every link of the answer."""
_LINK = re.compile(rb'(?<!data-now )\b(href|action|src|hx-get)="/(?!at/|static/|"|/)')
_HOME = re.compile(rb'(?<!data-now )\b(href|action|hx-get)="/"')


@dataclass(frozen=True, slots=True)
class Moment:
    """`when` as it was asked for; `commit` is that of `winslow/state`, `said` its first line."""

    when: str
    commit: str
    seconds: int
    said: str


Then = tuple[Look, Moment]


class Prefix:
    """WSGI: takes `/at/<when>` off the path."""

    def __init__(self, site: Callable[..., Iterable[bytes]]) -> None:
        self.site = site

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        if match := _PREFIX.fullmatch(environ.get("PATH_INFO", "")):
            environ[WHEN] = match[1]
            environ["SCRIPT_NAME"] = f"{environ.get('SCRIPT_NAME', '')}/at/{match[1]}"
            environ["PATH_INFO"] = match[2] or "/"
        return self.site(environ, start)


class OthersLook(StateError):
    """Too many moments are being looked at; the text says what to do."""


class Pasts:
    """What past looks were made lately. Different ones are made beside each other, and the same one once."""

    def __init__(self, source: ViewSource) -> None:
        self.source = source
        self._known: OrderedDict[tuple[str, str], Future[Then]] = OrderedDict()
        self._lock, self._room = Lock(), BoundedSemaphore(AT_ONCE)
        self._forget: Timer | None = None

    def look(self, when: str, now: Look) -> Then:
        """state.history.at_time.NoTime, state.history.revisions.NoRevision, OthersLook. What is told by an age or a
        time is found anew when the repository has changed.
        """
        key = (when, now.snapshot.state)
        with self._lock:
            found = self._known.get(key)
            wanted = found or self._known.setdefault(key, Future())
            self._known.move_to_end(key)
            while len(self._known) > KEPT:
                self._known.popitem(last=False)
            self._later()
        if found is None:
            self._make(key, wanted, now)
        try:
            return wanted.result(PATIENCE)
        except TimeoutError:
            raise _busy() from None

    def _make(self, key: tuple[str, str], wanted: "Future[Then]", now: Look) -> None:
        if not self._room.acquire(timeout=PATIENCE):
            return self._failed(key, wanted, _busy())
        try:
            wanted.set_result(self._then(key[0], now))
        except BaseException as error:
            self._failed(key, wanted, error)
        finally:
            self._room.release()

    def _failed(self, key: tuple[str, str], wanted: "Future[Then]", error: BaseException) -> None:
        """Those who wait for it hear why; who asks again, asks anew."""
        with self._lock:
            if self._known.get(key) is wanted:
                del self._known[key]
        wanted.set_exception(error)

    def _then(self, when: str, now: Look) -> Then:
        clone = self.source.clone
        snapshot = at_time.at(clone, when, time.time())
        commit = next(clone.line(snapshot.state))
        moment = Moment(when, snapshot.state, commit.commit_time, parse(commit.message).subject)
        return Look(snapshot, now.heard, now.node), moment

    def _later(self) -> None:
        if self._forget:
            self._forget.cancel()
        self._forget = Timer(FORGOTTEN, self.forget)
        self._forget.daemon = True
        self._forget.start()

    def forget(self) -> None:
        with self._lock:
            self._known.clear()


def _busy() -> OthersLook:
    return OthersLook("others look at other moments just now; try again in a few seconds")


def add_to(site: Flask, pasts: Pasts) -> None:
    """After this, `g.look` is the past one below `/at/`, and `g.moment` says which."""

    def turn_back() -> None:
        g.moment = None
        if "look" not in g:
            return
        if when := request.environ.get(WHEN):
            if request.method not in ("GET", "HEAD"):
                abort(405, "This is the past: nothing can be asked of it")
            g.look, g.moment = pasts.look(when, g.look)

    def stay(response: Response) -> Response:
        if request.environ.get(WHEN) and response.mimetype == "text/html" and not response.direct_passthrough:
            root = f"{quote(request.script_root)}/".encode()
            body = _HOME.sub(lambda found: found[1] + b'="' + root + b'"', response.get_data())
            response.set_data(_LINK.sub(lambda found: found[1] + b'="' + root, body))
        return response

    site.before_request(turn_back)
    site.after_request(stay)
    site.context_processor(lambda: {"moment": g.get("moment")})
    site.wsgi_app = Prefix(site.wsgi_app)  # type: ignore[assignment, method-assign]
