"""What halted nodes say in their heartbeats, read so that it can be written down: such a node commits nothing itself.

One node reads what another says, the one that ranks first for that; and only where a heartbeat is a new one.
"""

from collections.abc import Iterator, Mapping

from flow.model.snapshot import Snapshot
from flow.node.sightings import Sightings
from flow.placement.ranking import steward_rank
from state.contract.errors import StateError
from state.contract.repository import Repository

MOST = 4
"""Heartbeats that are read in one round."""
FEW = 8
"""Nodes of which each reads all the others."""


class Halts:
    def __init__(self, repository: Repository, me: str) -> None:
        self.repository, self.me = repository, me
        self._read: dict[str, tuple[str, str]] = {}  # by node: its heartbeat, and why it says that it has halted
        self._lost: dict[str, str] = {}  # by node: the commit that it saw, and that a branch no longer holds

    def seen(self, snapshot: Snapshot, seen: Sightings) -> Mapping[str, str]:
        """By node that this one reads: why it has halted, or an empty text."""
        limit = snapshot.settings.lost_after
        alive = {name for name in snapshot.inventories if seen.silence(name) < limit} | {self.me}
        mine = [
            name
            for name in sorted(snapshot.inventories)
            if name in snapshot.heartbeats and name != self.me
            if len(snapshot.inventories) <= FEW or steward_rank(self.me, alive - {name}, f"node {name}") == 0
        ]
        self._read = {name: self._read[name] for name in mine if name in self._read}
        fresh = [name for name in mine if self._read.get(name, ("",))[0] != snapshot.heartbeats[name]]
        for name in fresh[:MOST]:
            self._hear(name, snapshot.heartbeats[name])
        return {name: why for name, (beat, why) in self._read.items() if beat == snapshot.heartbeats[name]}

    def _hear(self, name: str, beat: str) -> None:
        try:
            said = self.repository.heartbeat(name)
        except StateError:
            return
        if said is not None:
            self._lost[name] = said.lost
            self._read[name] = (beat, said.halted or "")

    def losses(self, snapshot: Snapshot, seen: Sightings) -> Iterator[tuple[str, str, str]]:
        """(node, lost commit, why it has halted) of those that live, as they were read last."""
        for name, (_, why) in sorted(self._read.items()):
            if why and self._lost.get(name) and seen.silence(name) < snapshot.settings.lost_after:
                yield name, self._lost[name], why
