"""A state repository in memory: the verified fake behind simulations. The same contract suite holds it to the real one.

Several clients share one server. Documents are kept as the objects they were written as; with `verify` every write goes
through its text and back, as in Git. A snapshot is assembled once for a pair of commits, whoever asks for it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from flow.model.commits import Commit
from flow.model.snapshot import Snapshot
from schema import layout
from schema.node import Heartbeat
from state.contract.commit_message import compose
from state.contract.repository import Edit, Landed, Outcome, Rejected, Rejection, SignOfLife
from state.memory.memory_server import MemoryCommit, MemoryServer
from state.snapshot.consistency import check_order

__all__ = ["MemoryCommit", "MemoryRepository", "MemoryServer"]


class MemoryRepository:
    """One client of a server in memory."""

    def __init__(self, server: MemoryServer) -> None:
        self.server = server
        self._last: Snapshot | None = None
        self._spoke: dict[str, str] = {}
        self._beats: Mapping[str, tuple[str, Heartbeat]] = {}

    # -- reading ----------------------------------------------------------------------------------------------------

    def fetch(self) -> Snapshot:
        return self._at(self.server.refs[layout.MAIN], self.server.refs[layout.STATE])

    def _at(self, main: str, state: str) -> Snapshot:
        server, last = self.server, self._last
        wanted = server.commits[state].wanted
        check_order(main, wanted, self.descends)
        if last and last.main == main and last.state == state and self._beats is server.beats:
            return last
        self._beats = server.beats
        beats = {node: oid for node, (oid, _) in server.beats.items()}
        self._hear(last.state if last else "", state)
        self._last = replace(self._shared(main, state), heartbeats=beats, spoke=dict(self._spoke))
        return self._last

    def _hear(self, before: str, state: str) -> None:
        """Who committed since the last look."""
        new: dict[str, str] = {}
        for commit in self.server.line(state, most=None if before else 1):
            if commit.oid == before:
                break
            new.setdefault(commit.node, commit.oid)
        self._spoke |= {node: oid for node, oid in new.items() if node}

    def _shared(self, main: str, state: str) -> Snapshot:
        """Without heartbeats."""
        server = self.server
        found = server.snapshots.get((main, state))
        if found is None:
            found = server.assembler.snapshot(
                server.branch(main),
                server.branch(state),
                server.branch(main),
                wanted=server.commits[state].wanted,
                heartbeats={},
                unwritten=server.unwritten(state),
            )
            server.remember((main, state), found)
        return found

    def at(self, main: str, state: str) -> Snapshot:
        return self._shared(main, state)

    def heartbeat(self, node: str) -> Heartbeat | None:
        found = self._beats.get(node)
        return found[1] if found else None

    def descends(self, tip: str, ancestor: str) -> bool:
        return self.server.is_ancestor(ancestor, tip)

    def read_main(self, path: str) -> str | None:
        return self.server.text(layout.MAIN, path)

    def read_text(self, path: str) -> str | None:
        """A file of `winslow/state`."""
        return self.server.text(layout.STATE, path)

    def messages(self, tip: str | None = None) -> Iterator[tuple[str, int, str]]:
        """(commit, seconds, message) of `winslow/state`, newest first. There is no wall clock here: seconds are 0."""
        for commit in self.server.line(tip or self.server.refs[layout.STATE]):
            yield commit.oid, 0, compose(commit.event, node=commit.node, wanted=commit.wanted)

    # -- writing ----------------------------------------------------------------------------------------------------

    def swap(self, base: Snapshot, commits: Sequence[Commit], *, node: str, beat: SignOfLife | None = None) -> Outcome:
        if self.server.refs[layout.STATE] != base.state:
            return Rejected(Rejection.RACE, "winslow/state moved")
        if beat is None:
            return self._land(base, commits, node)
        arrived = self.beat(beat.heartbeat, expected=beat.expected)
        return self._land(base, commits, node, arrived.oid) if isinstance(arrived, Landed) else arrived

    def _land(self, base: Snapshot, commits: Sequence[Commit], node: str, beat: str = "") -> Outcome:
        server = self.server
        parent = server.refs[layout.STATE]
        for commit in commits:
            files = {write.path: write.content for write in commit.writes}
            parent = server.commit(
                parent, files, event=commit.event, writes=commit.writes, node=node, wanted=base.main
            ).oid
        server.refs[layout.STATE] = parent
        self._hear(base.state, parent)
        found = self._shared(base.main, parent)
        return Landed(parent, replace(found, heartbeats=base.heartbeats, spoke=dict(self._spoke)), beat=beat)

    def beat(self, heartbeat: Heartbeat, *, expected: str | None) -> Outcome:
        found = self.server.beats.get(heartbeat.node)
        if (found[0] if found else None) != expected:
            return Rejected(Rejection.RACE, f"the ref of {heartbeat.node} moved")
        return Landed(self.server.beat(heartbeat))

    def propose(self, edit: Edit, *, base: str) -> Outcome:
        server = self.server
        if server.refs[layout.MAIN] != base:
            return Rejected(Rejection.RACE, "main moved")
        commit = server.commit(base, dict(edit.files), author=edit.author, message=edit.message)
        server.refs[layout.MAIN] = commit.oid
        return Landed(commit.oid)
