"""The page as it was at any moment: below `/at/<when>/` every page shows the snapshot of then.

Nothing can be asked there, and pages know nothing of it: what comes off the path here goes in front of every link of
the answer.
"""

import re
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from threading import Lock
from typing import Any
from urllib.parse import quote

from flask import Flask, Response, abort, g, request

from state import past
from state.message import parse
from webui.source import Look, Source

WHEN = "winslow.when"
KEPT = 4
"""Past snapshots in memory: of ten thousand projects each takes some tens of MB."""
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


class Pasts:
    """What past looks were made lately."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self._known: OrderedDict[tuple[str, str], tuple[Look, Moment]] = OrderedDict()
        self._lock = Lock()

    def look(self, when: str, now: Look) -> tuple[Look, Moment]:
        """state.past.NoTime, state.revisions.NoRevision. What is told by an age or a time is found anew each time."""
        with self._lock:
            clone = self.source.clone
            key = (when, now.snapshot.state)
            if key not in self._known:
                snapshot = past.at(clone, when, time.time())
                commit = next(clone.line(snapshot.state))
                moment = Moment(when, snapshot.state, commit.commit_time, parse(commit.message).subject)
                self._known[key] = (Look(snapshot, now.heard, now.node), moment)
                while len(self._known) > KEPT:
                    self._known.popitem(last=False)
            self._known.move_to_end(key)
            return self._known[key]


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
