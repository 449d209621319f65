"""The event log: the commits of `winslow/state`, read back from their messages."""

import re
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice, takewhile
from math import isfinite
from typing import Protocol

from state.contract.commit_message import parse

_NUMBER = re.compile(r"[0-9]{1,9}")


class HistorySource(Protocol):
    """What keeps a history of `winslow/state`: both repositories."""

    def messages(self, tip: str | None = None) -> Iterator[tuple[str, int, str]]:
        """(commit, seconds, message), newest first, from the tip or from an older commit."""
        ...


@dataclass(frozen=True, slots=True)
class EventRecord:
    """One commit of `winslow/state`, oldest first; the field names are part of the command's contract."""

    commit: str
    time: str
    event: str
    project: str | None
    execution: int | None
    stage: str | None
    node: str | None
    claim: str | None
    request: str | None
    by: str | None
    wanted: str | None
    duration: float | None
    text: str


def events(repository: HistorySource, *, limit: int = 1000, since: str | None = None) -> list[EventRecord]:
    """The newest `limit` events after commit `since`, as of the last fetch, oldest first."""
    after = takewhile(lambda entry: entry[0] != since, repository.messages())
    return [_record(*entry) for entry in islice(after, limit)][::-1]


def newest(repository: HistorySource, tip: str | None = None) -> Iterator[EventRecord]:
    """One by one, the newest first, from the tip or from an older commit."""
    return (_record(*entry) for entry in repository.messages(tip))


def reporting(events: Iterable[EventRecord], wanted: Set[tuple[str, int]]) -> dict[tuple[str, int], dict[str, str]]:
    """For each of the executions (project, number) the commits that speak of it, by what they say.

    The events come newest first; an execution begins with its claim, and nothing older is looked at once all have.
    """
    found: dict[tuple[str, int], dict[str, str]] = {}
    claimed: set[tuple[str, int]] = set()
    for event in events:
        key = (event.project or "", event.execution or 0)
        if key in wanted:
            found.setdefault(key, {}).setdefault(event.event, event.commit)
            claimed |= {key} if event.event == "claim" else set()
            if claimed == wanted:
                break
    return found


def _record(commit: str, seconds: int, message: str) -> EventRecord:
    read = parse(message)
    said = read.trailers.get
    number, duration = said("Execution", ""), said("Duration", "")
    return EventRecord(
        commit=commit,
        time=datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z"),
        event=said("Event") or read.subject.partition(" ")[0],
        project=said("Project"),
        execution=int(number) if _NUMBER.fullmatch(number) else None,
        stage=said("Stage"),
        node=said("Node"),
        claim=said("Claim"),
        request=said("Request"),
        by=said("By"),
        wanted=said("Wanted"),
        duration=_number(duration),
        text=read.fact,
    )


def _number(text: str) -> float | None:
    try:
        found = float(text)
    except ValueError:
        return None
    return found if isfinite(found) else None
