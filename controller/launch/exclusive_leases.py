"""Until when this node may run each exclusive stage that it holds.

A lease begins when the push of the claim was sent, and a heartbeat went with it. It is prolonged by each later one that
is seen to stand in the repository, counted from when that was sent; only while the claim stands there too, and only
while the lease lasts. So whoever waits for `lost_after` since it saw the newest sign waits longer.

Of a container that was made its watchdog keeps the time, over restarts of the controller.
"""

from collections.abc import Mapping

from controller.journal.journal import Journal
from flow.model.clock import Clock
from flow.model.snapshot import Snapshot
from flow.node.node_world import HeldClaim
from runner.contract.runner import Runner
from runner.contract.spec import Container


class ExclusiveLeases:
    def __init__(self, journal: Journal, runner: Runner, clock: Clock, boot: str) -> None:
        self.journal, self.runner, self.clock, self.boot = journal, runner, clock, boot
        self._until: dict[str, float] = {}
        self._containers: Mapping[str, Container] = {}

    def now(self, containers: Mapping[str, Container]) -> dict[str, float]:
        """By container, of those that this node holds."""
        self._containers = containers
        held = {id: entry for id, entry in self.journal.entries.items() if entry.exclusive}
        self._until = {id: until for id, until in self._until.items() if id in held}
        return {id: self.until(id) for id in held}

    def until(self, container: str) -> float:
        entry, found, begun = self.journal.entries.get(container), self._containers.get(container), 0.0
        if entry and entry.sent is not None and entry.boot == self.boot:
            begun = entry.sent + entry.give_up_after
        watched = found.until if found and found.until is not None else 0.0
        return max(begun, watched, self._until.get(container, 0.0))

    def lasts(self, container: str) -> bool:
        return self.clock.now() < self.until(container)

    def seen(self, snapshot: Snapshot, sign: float | None) -> None:
        """`sign`: when the newest heartbeat of this node was sent that stands in the repository with this snapshot."""
        for id, entry in self.journal.entries.items() if sign is not None else ():
            if entry.exclusive and _stands(snapshot, entry) and self.lasts(id):
                self._until[id] = max(self._until.get(id, 0.0), (sign or 0.0) + entry.give_up_after)

    def tell(self) -> None:
        """To those who watch what was made."""
        for id, until in self._until.items():
            found = self._containers.get(id)
            if found and found.until is not None and found.until < until:
                self.runner.renew(id, until)


def _stands(snapshot: Snapshot, entry: HeldClaim) -> bool:
    view = snapshot.projects.get(entry.order.project)
    record = view.execution(entry.order.execution) if view else None
    return bool(view and record and record.claim.id == entry.claim and record.state.active)
