"""The event log: the commits of `winslow/state`, read back from their messages."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import pygit2

from state.git import GitRepository
from state.message import parse


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


def events(repository: GitRepository, *, limit: int = 1000, since: str | None = None) -> list[EventRecord]:
    """The newest `limit` events after commit `since`, as of the last fetch, oldest first."""
    found = []
    for commit in _back(repository, since):
        found.append(_record(commit))
        if len(found) >= limit:
            break
    return found[::-1]


def _back(repository: GitRepository, since: str | None) -> Iterator[pygit2.Commit]:
    commit = repository.clone.commit(repository.tips()[1])
    while str(commit.id) != since:
        yield commit
        if not commit.parent_ids:
            return
        commit = repository.clone.commit(str(commit.parent_ids[0]))


def _record(commit: pygit2.Commit) -> EventRecord:
    read = parse(commit.message)
    said = read.trailers.get
    number, duration = said("Execution", ""), said("Duration", "")
    return EventRecord(
        commit=str(commit.id),
        time=datetime.fromtimestamp(commit.commit_time, UTC).isoformat().replace("+00:00", "Z"),
        event=said("Event") or read.subject.partition(" ")[0],
        project=said("Project"),
        execution=int(number) if number.isdigit() else None,
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
        return float(text)
    except ValueError:
        return None
