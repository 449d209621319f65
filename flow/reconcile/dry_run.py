"""The nodes' own decisions, run dry: which node takes which slot, and in which order, if nothing else happens.

In the order of what waits, the node that ranks first for the project of each takes one slot of it. It decides on the
snapshot that the decisions before it leave: as one whose containers all run, and that has waited for nobody.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from flow.model.memo import Memo
from flow.model.snapshot import Snapshot
from flow.node.node_world import NodeIdentity, World
from flow.node.sightings import Sightings
from flow.order.waiting import order
from flow.placement.capacity import Claims, claimed
from flow.placement.gpus import Holders, holders
from flow.placement.ranking import Candidate, admitted, busy_counts, candidates, placed
from flow.project.active import open_views
from flow.project.replies import steps_of
from flow.reconcile.decide import foretold
from flow.reconcile.new_claims import LOOKED_AT
from schema.execution import Execution, State


@dataclass(frozen=True, slots=True)
class DryClaim:
    """`before` is the snapshot that its node decided on."""

    node: str
    gpus: tuple[str, ...]
    before: Snapshot


@dataclass(frozen=True, slots=True)
class PlacementFacts:
    """What placement looks at, gathered once for a snapshot."""

    busy: Mapping[str, int]
    taken: Mapping[str, Holders]
    claims: Mapping[str, Claims]
    nodes: tuple[Candidate, ...]


def _gathered(snapshot: Snapshot) -> PlacementFacts:
    busy, taken, claims = busy_counts(snapshot), holders(snapshot), claimed(open_views(snapshot))
    return PlacementFacts(
        busy, taken, claims, tuple(candidates(snapshot, admitted(snapshot), busy, taken, claims=claims))
    )


facts_of: Memo[Snapshot, PlacementFacts] = Memo(_gathered, 64)


class DryRun:
    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.taken: dict[tuple[str, str], DryClaim] = {}  # by project and slot

    def go(self) -> None:
        stuck: set[str] = set()
        for id in [first.waiter.project for first in order(self.snapshot, open_views(self.snapshot))]:
            node = "" if id in stuck else self._first(id)
            before = len(self.taken)
            if node:
                self._decide(node, id)
            if before == len(self.taken):
                stuck.add(id)  # nobody takes more of it, whatever placement says

    def _first(self, id: str) -> str:
        """The node that ranks first for what the project wants next; nothing where none may take it now."""
        snapshot = self.snapshot
        view = snapshot.projects[id]
        if view.project is None or view.damage or view.deletion:
            return ""
        for slot in [each for each in steps_of(view).slots if not each.backoff][:LOOKED_AT]:
            fleet = facts_of(snapshot)
            placement = placed(snapshot, view, slot, fleet.nodes)
            if placement.ranked:
                return placement.ranked[0]
        return ""

    def _decide(self, node: str, id: str) -> None:
        """On that project, and on those that something runs of: others are looked at when it is their turn."""
        before = self.snapshot
        held = {view.id: view for view in open_views(before) if any(map(_holds, view.executions))}
        alone = replace(before, projects={**held, id: before.projects[id]})
        decision, after = foretold(_world(alone, node, _mine(alone, node) + 1))
        for event in (commit.event for commit in decision.commits if commit.event.verb == "claim"):
            record = after.projects[event.project].execution(event.execution or 0)
            if record and (event.project, record.slot) not in self.taken:
                self.taken[event.project, record.slot] = DryClaim(node, tuple(record.gpus), before)
        self.snapshot = replace(before, projects={**before.projects, **after.projects})


def _holds(record: Execution) -> bool:
    return record.state.active or record.state is State.LOST


def _mine(snapshot: Snapshot, node: str) -> int:
    """Claims that the node, which knows of none here, claims anew before it takes another."""
    records = (record for view in snapshot.projects.values() for record in view.executions if record.state.active)
    return sum(record.claim.node == node for record in records)


def _world(snapshot: Snapshot, node: str, ids: int) -> World:
    inventory = snapshot.inventories[node]
    return World(
        me=NodeIdentity(node, inventory.incarnation, inventory),
        snapshot=snapshot,
        fresh=True,
        now=0.0,
        wall="",
        poll=1.0,
        entries={},
        outbox={},
        containers={},
        busy=frozenset(),
        seen=Sightings(),
        ids=tuple(f"{number:032x}" for number in range(ids)),
        wiped={},
        lacks=frozenset(inventory.lacks),
    )
