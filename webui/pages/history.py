"""What happened: the commits of `winslow/state`, filtered, each a door to the page as it was then."""

import re
from collections.abc import Iterator, Mapping
from itertools import islice

from flask import Blueprint, Response, abort, redirect, render_template, request

from state.errors import StateError
from state.log import EventRecord, newest
from webui.pages.common import look, page

pages = Blueprint("history", __name__)
PER_PAGE = 100
LOOKED_AT = 20_000
"""Commits for one answer; a filter that finds too little in them goes on from there."""
FILTERS = ("project", "event", "node", "q")


@pages.get("/history")
def index() -> str:
    wanted = {name: request.args.get(name, "").strip()[:200] for name in FILTERS}
    found, further = _search(wanted, request.args.get("before", ""))
    template = "_history.html" if request.headers.get("HX-Request") else "history.html"
    return render_template(template, events=found, further=further, wanted=wanted, live=not request.args.get("before"))


@pages.get("/history/then")
def then() -> Response:
    """The form that takes a moment leads to the first page of then."""
    when = request.args.get("when", "").strip()[:64]
    if not re.fullmatch(r"[A-Za-z0-9.:+~ -]{1,64}", when):
        abort(404, "Name a time like 2026-03-01T09:30 (UTC), an age like 2h, or a commit")
    return redirect(f"/at/{when}/", code=303)  # type: ignore[return-value]


def _search(wanted: Mapping[str, str], before: str) -> tuple[list[EventRecord], str]:
    """A page of events, and the commit after which to go on (empty: there is nothing older)."""
    records = _from(before)
    found: list[EventRecord] = []
    last = None
    for record in islice(records, LOOKED_AT):
        last = record
        if _fits(record, wanted):
            found.append(record)
            if len(found) == PER_PAGE:
                break
    older = next(records, None)
    return found, last.commit if last and older else ""


def _from(before: str) -> Iterator[EventRecord]:
    tip, clone = look().snapshot.state, page().source.clone
    if not before:
        return newest(clone, tip)
    try:
        if not clone.descends(tip, before):
            raise ValueError
        return islice(newest(clone, before), 1, None)
    except (StateError, ValueError):
        abort(404, "There is no such event")


def _fits(record: EventRecord, wanted: Mapping[str, str]) -> bool:
    exact = all(not wanted[name] or getattr(record, name) == wanted[name] for name in ("project", "event", "node"))
    text = wanted["q"].lower()
    words = (record.text, record.stage or "", record.by or "", record.project or "")
    return exact and (not text or any(text in word.lower() for word in words))
