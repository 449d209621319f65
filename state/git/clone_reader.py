"""Looking at a clone as it is, without asking its remote: snapshots of any commits, single files, the event log."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pygit2

from flow.model.snapshot import Snapshot
from state.contract.errors import Damaged, StateError
from state.git.branch import CloneBranch, CloneHistory
from state.git.clone import Clone
from state.git.commit_object import CommitObject
from state.snapshot.assembler import Assembler
from state.snapshot.replay import Flags

VIEW = "refs/winslow-view/"
"""Below it a clone names what its remote held at the last fetch."""


@dataclass(frozen=True, slots=True)
class Version:
    """A file as a commit left it; `text` is None where it went. `seconds` since 1970, by the committer's clock."""

    commit: str
    seconds: int
    author: str
    subject: str
    text: str | None


class CloneReader:
    """What can be said of a clone. `clone` is opened by whoever inherits this."""

    clone: Clone

    def at(self, main: str, state: str) -> Snapshot:
        """The snapshot at any pair of commits that is here, for instance of a merge request's branch: to look at, not
        to decide on, so `main` need not hold what the state was decided on.
        """
        return self.assembled(Assembler(), main, state, {})

    def assembled(
        self,
        assembler: Assembler,
        main: str,
        state: str,
        heartbeats: Mapping[str, str],
        unwritten: Flags | None = None,
    ) -> Snapshot:
        wanted, decided = CloneBranch(self.clone, main), CloneBranch(self.clone, state)
        found = assembler.snapshot(
            wanted,
            decided,
            CloneHistory(self.clone, main),
            wanted=decided.wanted,
            heartbeats=dict(heartbeats),
            unwritten=unwritten,
        )
        self.clone.settle()
        return found

    def tips(self) -> tuple[str, str]:
        """(`main`, `winslow/state`) as of the last fetch."""
        references = self.clone.repo.references
        return str(references[VIEW + "main"].target), str(references[VIEW + "state"].target)

    def read_text(self, path: str) -> str | None:
        """A file of `winslow/state`, at most 256 KiB; None where there is none."""
        return self._read(self.tips()[1], path)

    def read_main(self, path: str) -> str | None:
        return self._read(self.tips()[0], path)

    def read_at(self, commit: str, path: str) -> str | None:
        """A file as a commit of either branch has it. StateError where there is no such commit here."""
        return self._read(commit, path)

    def _read(self, tip: str, path: str) -> str | None:
        blob = self.clone.entry(self.clone.commit(tip).tree_id, path)
        try:
            return None if blob is None else self.clone.text(blob, path).decode(errors="replace")
        except ValueError:
            return None

    def descends(self, tip: str, ancestor: str) -> bool:
        return self.clone.descends(tip, ancestor)

    def messages(self, tip: str | None = None) -> Iterator[tuple[str, int, str]]:
        """(commit, seconds, message) of `winslow/state`, newest first, from its tip or an older commit of it."""
        for commit in self.line(tip or self.tips()[1]):
            yield commit.id, commit.commit_time, commit.message

    def line(self, tip: str) -> Iterator[CommitObject]:
        """First parents, newest first."""
        commit = self.clone.commit(tip)
        while True:
            yield commit
            if not commit.parent_ids:
                return
            commit = self.clone.commit(commit.parent_ids[0])

    def versions(self, path: str, tip: str) -> Iterator[Version]:
        """Every commit in the line of `tip` that changed a file, newest first."""
        later = None
        for commit in self.line(tip):
            blob = self.clone.entry(commit.tree_id, path)
            if later is not None and later[1] != blob:
                yield self._version(*later, path)
            later = (commit, blob)
        if later is not None and later[1] is not None:
            yield self._version(*later, path)

    def _version(self, commit: CommitObject, blob: str | None, path: str) -> Version:
        try:
            text = None if blob is None else self.clone.text(blob, path).decode(errors="replace")
        except ValueError:
            text = ""
        return Version(commit.id, commit.commit_time, commit.author, commit.message.partition("\n")[0], text)


class Reader(CloneReader):
    """Somebody else's clone, only read: the node's, for its page."""

    def __init__(self, path: Path) -> None:
        """Damaged where there is no clone that can be opened."""
        self.ahead = ""
        try:
            self.clone = Clone(pygit2.Repository(str(path)))
        except pygit2.GitError as error:
            raise Damaged(f"there is no clone at {path}: {error}") from None

    def see_ahead(self, commit: str, clone: Path) -> None:
        """Take a commit on `main` that was made in another clone as the newest one, for as long as this has none that
        holds it. Damaged where that clone cannot be read.
        """
        self.clone.see(clone)
        self.ahead = commit

    def tips(self) -> tuple[str, str]:
        main, state = super().tips()
        try:
            ahead = bool(self.ahead) and self.descends(self.ahead, main)
        except StateError:  # the other clone was made anew
            ahead = False
        return (self.ahead if ahead else main), state
