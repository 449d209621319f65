"""Replays the commits of `winslow/state`, each once as it is fetched, and finds those no controller may have made.

What such a commit wrote is not in force: snapshots have the documents as they were before. Stewards write the flag
beside the project; a person settles it. What is known here is a function of the history from where the replay began.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol, cast

from pydantic import BaseModel

from flow.model.replay import SETTLES, Change, ChangedRecord, judge
from schema import layout
from schema.errors import DocumentError
from schema.execution import Execution, State, Tombstone
from schema.flag import Flag
from state.snapshot.trees import PROJECTS, place_on_state

FIRST_LOOK = 500
"""Commits that are replayed where nothing is known of a clone: its own flags tell of what is older."""
MOST = 20_000
"""Commits that are replayed at once at most."""
KINDS = frozenset({"execution", "reply", "tombstone", "definition", "flag"})

Spoke = dict[str, str]
"""Node to its newest commit."""
Flags = Mapping[str, tuple[Flag, ...]]
"""By project."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """One commit. `changes` are (path, blob before, blob after), empty where there is none."""

    commit: str
    parent: str
    writer: str
    verb: str
    by: str
    changes: tuple[tuple[str, str, str], ...]


class Line(Protocol):
    """The history of `winslow/state`, and the documents in it."""

    def commits(self, tip: str, since: str, most: int) -> Iterable[Replayed]:
        """First parents of the tip down to `since`, oldest first; the newest `most` where it is not among them."""
        ...

    def files(self, commit: str, folder: str) -> Mapping[str, str]:
        """Path to blob below a project's folder."""
        ...

    def document(self, kind: str, path: str, blob: str) -> BaseModel: ...


def replay(line: Line, known: Flags, commits: Iterable[Replayed], spoke: Spoke | None = None) -> Flags:
    """The flags that were found and are not on the branch, after these commits. Who made one is put into `spoke`."""
    for commit in commits:
        if spoke is not None and commit.writer:
            spoke[commit.writer] = commit.commit
        known = _after(line, known, commit)
    return known


def _after(line: Line, known: Flags, commit: Replayed) -> Flags:
    by_project: dict[str, list[tuple[str, str, str, str]]] = {}
    for path, before, after in commit.changes:
        place = place_on_state(path)
        if place and place.kind in KINDS:
            by_project.setdefault(place.owner, []).append((place.kind, path, before, after))
    result = dict(known)
    for project, changes in by_project.items():
        left = _Project(line, commit, project, result.get(project, ())).after(changes)
        result.pop(project, None)
        if left:
            result[project] = left
    return result


@dataclass(frozen=True, slots=True)
class _Project:
    """What one commit means for one project. `unwritten` are its flags that are not on the branch before it."""

    line: Line
    commit: Replayed
    project: str
    unwritten: tuple[Flag, ...]

    def after(self, changes: list[tuple[str, str, str, str]]) -> tuple[Flag, ...]:
        written = frozenset(path for kind, path, _, after in changes if kind == "flag" and after)
        gone = [(path, before) for kind, path, before, after in changes if kind == "flag" and not after]
        settled = {path for path, _ in gone} if self.commit.verb == SETTLES or self._purged(changes) else set()
        taken = self._flags((path, before) for path, before in gone if path not in settled)
        left = (flag for flag in self.unwritten if self._path(flag) not in written | settled)
        found = self._judged(changes, settled)
        return (*left, *taken, *((found,) if found else ()))

    def _path(self, flag: Flag) -> str:
        return layout.flag(self.project, flag.commit)

    def _judged(self, changes: list[tuple[str, str, str, str]], settled: set[str]) -> Flag | None:
        touched = [each for each in changes if each[0] != "flag"]
        if not touched:
            return None
        standing = self._standing()
        exempt = {each.path for flag in standing if self._path(flag) in settled for each in flag.paths}
        before = {each.path: each.before for flag in reversed(standing) for each in flag.paths}
        documents = []
        for kind, path, old, new in touched:
            if path in exempt:
                continue
            old = before.get(path, old)
            try:
                documents.append(ChangedRecord(path, old, self._read(kind, path, old), self._read(kind, path, new)))
            except DocumentError:
                continue  # told as damage, and nothing is decided until it is mended
        change = Change(
            commit=self.commit.commit,
            writer=self.commit.writer,
            by=self.commit.by,
            documents=tuple(documents),
            purged=self._purged(changes),
            accepted=self._accepted(documents, before),
        )
        return judge(change)

    def _read(self, kind: str, path: str, blob: str) -> BaseModel | None:
        return self.line.document(kind, path, blob) if blob else None

    def _purged(self, changes: list[tuple[str, str, str, str]]) -> bool:
        for kind, path, _, after in changes:
            if kind == "tombstone" and after:
                stone = self._known(kind, path, after)
                return isinstance(stone, Tombstone) and stone.state == "purged"
        return False

    def _known(self, kind: str, path: str, blob: str) -> BaseModel | None:
        try:
            return self.line.document(kind, path, blob)
        except DocumentError:
            return None

    def _standing(self) -> tuple[Flag, ...]:
        """Every flag of the project before this commit, in no certain order but for those found last."""
        files = self.line.files(self.commit.parent, f"{PROJECTS}/{self.project}")
        written = ((path, blob) for path, blob in files.items() if "/flags/" in path)
        return (*self._flags(written), *self.unwritten)

    def _flags(self, files: Iterable[tuple[str, str]]) -> tuple[Flag, ...]:
        found = (self._known("flag", path, blob) for path, blob in files)
        return tuple(cast(Flag, flag) for flag in found if flag)

    def _accepted(self, documents: list[ChangedRecord], flagged: Mapping[str, str]) -> tuple[Execution, ...]:
        """The results that a new one could be a second of."""
        if not any(isinstance(each.after, Execution) and each.after.state is State.SUCCEEDED for each in documents):
            return ()
        return tuple(self._results(flagged))

    def _results(self, flagged: Mapping[str, str]) -> Iterator[Execution]:
        for path, blob in self.line.files(self.commit.parent, f"{PROJECTS}/{self.project}").items():
            if "/executions/" in path and path not in flagged:
                record = self._known("execution", path, blob)
                if isinstance(record, Execution) and record.state is State.SUCCEEDED:
                    yield record
