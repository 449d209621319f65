"""Looking at a clone as it is, without asking its remote: snapshots of any commits, single files, the event log."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pygit2

from flow.world import Snapshot
from state.assemble import Assembler
from state.branch import CloneBranch, CloneHistory
from state.errors import Damaged
from state.read import Clone

VIEW = "refs/winslow-view/"
"""Below it a clone names what its remote held at the last fetch."""


class Looks:
    """What can be said of a clone. `clone` is opened by whoever inherits this."""

    clone: Clone

    def at(self, main: str, state: str) -> Snapshot:
        """The snapshot at any pair of commits that is here, for instance of a merge request's branch: to look at, not
        to decide on, so `main` need not hold what the state was decided on.
        """
        return self.assembled(Assembler(), main, state, {})

    def assembled(self, assembler: Assembler, main: str, state: str, heartbeats: Mapping[str, str]) -> Snapshot:
        wanted, decided = CloneBranch(self.clone, main), CloneBranch(self.clone, state)
        history = CloneHistory(self.clone, main)
        found = assembler.snapshot(wanted, decided, history, wanted=decided.wanted, heartbeats=dict(heartbeats))
        self.clone.cache.flush()
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

    def _read(self, tip: str, path: str) -> str | None:
        blob = self.clone.entry(str(self.clone.commit(tip).tree_id), path)
        try:
            return None if blob is None else self.clone.text(blob, path).decode(errors="replace")
        except ValueError:
            return None

    def messages(self) -> Iterator[tuple[str, int, str]]:
        """(commit, seconds, message) of `winslow/state`, newest first."""
        commit = self.clone.commit(self.tips()[1])
        while True:
            yield str(commit.id), commit.commit_time, commit.message
            if not commit.parent_ids:
                return
            commit = self.clone.commit(str(commit.parent_ids[0]))


class Reader(Looks):
    """Somebody else's clone, only read: the node's, for its page."""

    def __init__(self, path: Path) -> None:
        """Damaged where there is no clone that can be opened."""
        try:
            self.clone = Clone(pygit2.Repository(str(path)))
        except pygit2.GitError as error:
            raise Damaged(f"there is no clone at {path}: {error}") from None
