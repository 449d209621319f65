"""Any past state: the pair of commits that were the tips of `main` and `winslow/state` then."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime

from flow.model.snapshot import Snapshot
from schema.quantities import parse_duration
from state.contract.commit_message import parse
from state.contract.errors import StateError
from state.git.clone_reader import CloneReader
from state.git.commit_object import CommitObject
from state.history.revisions import NoRevision, commit_named

_COMMIT = re.compile(r"[0-9a-f]{7,40}")


class NoTime(StateError):
    """It is no time, or one before there was anything."""


def at(repository: CloneReader, when: str, now: float) -> Snapshot:
    """The repository at a commit of either branch, at a time (UTC where it names no zone), or so long ago."""
    main, state = repository.tips()
    if _COMMIT.fullmatch(when):
        return repository.at(*_of_commit(repository, when, main, state))
    seconds = moment(when, now)
    decided = _newest(repository.line(state), seconds)
    if decided is None:
        raise NoTime(f"the state repository did not exist at {when}")
    return repository.at(_wanted_then(repository, main, decided, seconds), decided.id)


def moment(text: str, now: float) -> float:
    """Seconds since 1970 of a time, or of so long ago. NoTime."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return now - _age(text)
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def _age(text: str) -> float:
    try:
        return parse_duration(text)
    except ValueError:
        wanted = "a commit (7 digits or more), a time like 2026-03-01T09:30, or an age like 2h"
        raise NoTime(f"{text[:40]!r} is none of these: {wanted}") from None


def _of_commit(repository: CloneReader, when: str, main: str, state: str) -> tuple[str, str]:
    """(`main`, `winslow/state`) when the commit was the tip of its branch."""
    commit = commit_named(repository, when)
    if repository.descends(state, commit):
        decided = repository.clone.commit(commit)
        wanted = parse(decided.message).wanted
        return wanted or _wanted_then(repository, main, decided, decided.commit_time), commit
    if not repository.descends(main, commit):
        raise NoRevision(f"commit {when!r} is neither of main nor of winslow/state; `winslowctl events` lists those")
    for decided in repository.line(state):
        wanted = parse(decided.message).wanted
        if (wanted and repository.descends(commit, wanted)) or not decided.parent_ids:
            return commit, decided.id
    raise NoRevision(f"nothing was decided on {when!r}")


def _wanted_then(repository: CloneReader, main: str, decided: CommitObject, seconds: float) -> str:
    """The tip of `main` at that time: never older than what was decided on, whatever people's clocks said."""
    wanted = parse(decided.message).wanted
    for commit in repository.line(main):
        if commit.id == wanted or commit.commit_time <= seconds or not commit.parent_ids:
            return commit.id
    return main


def _newest(line: Iterator[CommitObject], seconds: float) -> CommitObject | None:
    return next((commit for commit in line if commit.commit_time <= seconds), None)
