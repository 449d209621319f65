"""Events, the newest first, by what they are about: so many at a time, with a place from which to go on."""

from collections.abc import Iterator, Mapping
from itertools import islice

from state.contract.errors import StateError
from state.git.clone_reader import CloneReader
from state.history.events import EventRecord, newest

PER_PAGE = 100
LOOKED_AT = 20_000
"""Commits for one answer; a filter that finds too little in them goes on from there."""
FILTERS = ("project", "event", "node", "q")


class NoEvent(Exception):
    """The place from which to go on is none."""


def search(
    clone: CloneReader, tip: str, wanted: Mapping[str, str], before: str = "", most: int = PER_PAGE
) -> tuple[list[EventRecord], str]:
    """A page of events, and the commit after which to go on (empty: there is nothing older). NoEvent."""
    records = _from(clone, tip, before)
    found: list[EventRecord] = []
    last = None
    for record in islice(records, LOOKED_AT):
        last = record
        if _fits(record, wanted):
            found.append(record)
            if len(found) == most:
                break
    older = next(records, None)
    return found, last.commit if last and older else ""


def _from(clone: CloneReader, tip: str, before: str) -> Iterator[EventRecord]:
    if not before:
        return newest(clone, tip)
    try:
        if not clone.descends(tip, before):
            raise ValueError
        return islice(newest(clone, before), 1, None)
    except (StateError, ValueError):
        raise NoEvent("There is no such event") from None


def _fits(record: EventRecord, wanted: Mapping[str, str]) -> bool:
    exact = all(not wanted[name] or getattr(record, name) == wanted[name] for name in ("project", "event", "node"))
    text = wanted["q"].lower()
    words = (record.text, record.stage or "", record.by or "", record.project or "")
    return exact and (not text or any(text in word.lower() for word in words))
