"""New work: of what all projects want, in their one order, as much as fits on this node."""

from collections.abc import Hashable, Iterator
from dataclasses import replace

from flow.fold.steps import Slot
from flow.model.commits import StateEvent
from flow.model.snapshot import Judged, ProjectView, Snapshot
from flow.node.lease_terms import lease
from flow.node.node_states import NodeState, rough
from flow.node.node_world import HeldClaim, World
from flow.order.backfill import KeptRoom, begins_after, in_the_way, keeper, usual
from flow.order.giving_way import interruptible, way_for
from flow.order.limits import AccountUse, beyond, in_use
from flow.order.limits import wanted as wanted_of
from flow.order.waiting import QueuePlace, order, waiters
from flow.placement import capacity
from flow.placement.built_images import building
from flow.placement.capacity import claimed
from flow.placement.gpus import choose, held_here, hold, holders, holders_in, merged, share_of
from flow.placement.ranking import (
    Candidate,
    Placement,
    admitted,
    busy_counts,
    candidates,
    patience,
    placed,
    saved_of,
    within_reach,
)
from flow.project.active import open_views
from flow.project.replies import steps_of
from flow.reconcile.commit_draft import CommitDraft
from flow.reconcile.interruptions import WantedRoom
from flow.reconcile.launch_order import take
from flow.reconcile.project_fault import blamed_on
from schema.execution import Execution, State
from schema.node import SCHEMA, NodeSettings
from schema.reasons import End, Wait

LOOKED_AT = 50
"""Points of a stage that a round looks at, of those that could be taken: once they are taken, others follow."""
WHILE_FULL = 100
"""Places of the queue that a full node looks at, for whether what it runs gives way."""


class NewClaims:
    def __init__(
        self,
        world: World,
        snapshot: Snapshot,
        draft: CommitDraft,
        watched: set[Hashable],
        live: frozenset[str],
        ids: list[str],
    ) -> None:
        self.world, self.snapshot, self.draft = world, snapshot, draft
        self.watched, self.live, self.ids = watched, live, ids
        self.fleet = _as_seen(world, snapshot, live)
        self.names = admitted(snapshot)
        self.busy, self.taken = busy_counts(snapshot), holders(snapshot)
        self.claims = claimed(open_views(snapshot))
        self.used = AccountUse()
        self.grants: list[HeldClaim] = []
        self.unseen: set[str] = set()
        self.looked_at: dict[tuple[str, str], int] = {}
        self.kept: KeptRoom | None = None
        self.keepers: set[str] = set()  # nodes that keep room for a slot before
        self.wanted_room: list[WantedRoom] = []
        self._count_own_ends()

    def _count_own_ends(self) -> None:
        """Slots that this round's own results free; what ended in it gives way to nobody any more."""
        me = self.world.me.node
        views = [self.draft.view(view.id) for view in open_views(self.snapshot)]
        self.interruptible = interruptible(views)
        active = sum(
            execution.state.active and execution.claim.node == me for view in views for execution in view.executions
        )
        self.busy[me] = active
        self.used = in_use(self.snapshot.settings, views)
        self.taken[me] = merged(held_here(self.world), holders_in(views).get(me, {}))
        self.claims[me] = {**capacity.held_here(self.world), **claimed(views).get(me, {})}

    def take(self) -> None:
        if self.snapshot.settings.schema_version > SCHEMA or not self._admitted():
            return
        if not (self.world.room and self.world.engine):
            return
        if self.world.unseen and len(self.live) > 1:
            return
        gives_way = self.world.me.node in self.interruptible
        for place, first in enumerate(order(self.snapshot, self._views())):
            if self._full() and not (gives_way and place < WHILE_FULL):
                return  # whose turn it is elsewhere, others see
            with blamed_on(first.waiter.project):
                self._consider(first)

    def _views(self) -> Iterator[ProjectView]:
        """As this round's own ends and replies leave them."""
        for view in open_views(self.snapshot):
            with blamed_on(view.id):
                now = self.draft.view(view.id)
                waiters(now)
            yield now

    def _admitted(self) -> bool:
        return self.snapshot.settings.join == "open" or self.world.me.node in self.snapshot.nodes

    def _consider(self, first: QueuePlace) -> None:
        view, slot = self.draft.view(first.waiter.project), first.waiter.slot
        key, rested = (view.id, slot.stage.name), self._rested(view, slot)
        if self.looked_at.get(key, 0) >= LOOKED_AT:
            return
        self.looked_at[key] = self.looked_at.get(key, 0) + rested
        if not rested or beyond(self.snapshot.settings, self.used, first.account, slot.stage):
            return
        if self._looked_for(slot) and self._my_turn(view, slot) and self.ids:
            self._claim(view, slot, first.account)

    def _full(self) -> bool:
        """Whether it holds as many executions at once as it may."""
        settings = self.snapshot.nodes.get(self.world.me.node, NodeSettings())
        most = capacity.slots(self.world.me.inventory, settings)
        return most is not None and self.busy.get(self.world.me.node, 0) >= most

    def _rested(self, view: ProjectView, slot: Slot) -> bool:
        """Whether it is long enough since the failure that this attempt follows."""
        if not slot.backoff:
            return True
        key = ("backoff", view.id, slot.after_failure)
        self.watched.add(key)
        return self.world.seen.age(key) >= slot.backoff

    def _looked_for(self, slot: Slot) -> bool:
        """Whether this node's pool was looked at for exactly what the slot reads."""
        known = None if self.world.has is None else self.world.has | self.world.lacks
        unseen = set() if known is None else set(slot.files) - known
        self.unseen |= unseen
        return not unseen

    def _my_turn(self, view: ProjectView, slot: Slot) -> bool:
        """Whether this node can run it now, keeps its room for no other, and no better one is to try first."""
        assert view.project
        nodes = self._nodes()
        placement = placed(self.snapshot, view, slot, nodes)
        if placement.reason is Wait.RESOURCES:
            self._keep_room(view, slot, placement, nodes)
        rank = placement.rank(self.world.me.node)
        if rank is None:
            return False
        key = ("claim", view.id, slot.key)
        self.watched.add(key)
        mine = next(each for each in nodes if each.name == self.world.me.node)
        return self.world.seen.age(key) >= patience(rank, self.world.poll) and self._may_begin(view, slot, mine)

    def _in_reach(self, view: ProjectView, slot: Slot) -> bool:
        """Whether this node can have what an earlier attempt saved. It begins anew where it cannot."""
        data, nodes = saved_of(self.fleet, view, slot), self._nodes()
        mine = next(each for each in nodes if each.name == self.world.me.node)
        return data is not None and within_reach(mine, data, nodes)

    def _nodes(self) -> tuple[Candidate, ...]:
        me, lacks = self.world.me.inventory, self.world.lacks
        return candidates(self.fleet, self.names, self.busy, self.taken, me, lacks, self.claims, self.world.offered)

    def _keep_room(self, view: ProjectView, slot: Slot, placement: Placement, nodes: tuple[Candidate, ...]) -> None:
        way = way_for(slot, view, placement, nodes, self.interruptible, self.keepers)
        name = way.node if way else keeper(slot, view.id, placement, nodes, self.keepers)
        if name is not None:
            self.keepers.add(name)
        if name == self.world.me.node:
            self.kept = KeptRoom(view, slot, alone=way is not None)
        if way:
            priority = view.project.priority if view.project else 0
            self.wanted_room.append(WantedRoom(f"{view.id}/{slot.name}", (view.id, slot.key), priority, way))

    def _may_begin(self, view: ProjectView, slot: Slot, mine: Candidate) -> bool:
        """Whether nothing that stands before it would wait longer for it here."""
        if self.kept is None or not in_the_way(slot.stage, self.kept.slot.stage, mine):
            return True
        if self.kept.alone:
            return False
        takes, begins = usual(view, slot.stage.name), begins_after([*self._left()])
        return takes is not None and begins is not None and takes <= begins

    def _left(self) -> Iterator[float | None]:
        """For how long what runs here goes on, by its history."""
        for container, entry in self.world.entries.items():
            sight, view = self.world.containers.get(container), self.snapshot.projects.get(entry.order.project)
            if sight is None or not sight.running:
                continue
            takes = usual(view, entry.order.stage) if view else None
            ran = self.world.now - sight.started if sight.started is not None else None
            yield takes - ran if takes is not None and ran is not None and takes > ran else None

    def _claim(self, view: ProjectView, slot: Slot, account: str) -> None:
        self.draft.reply_all(view.id)
        view = self.draft.view(view.id)
        if view.asked:
            return  # among those may be a pause that landed before this claim, or an abort that waits for an end
        wanted = next((each for each in steps_of(view).slots if each.key == slot.key), None)
        if wanted is None or wanted.files != slot.files:
            return  # a reply of this very round changed what is wanted
        if wanted.stage.exclusive and self.world.unseen:
            return  # its lease could not be kept
        world, mine = self.world, self.taken[self.world.me.node]
        gpus = choose(wanted.stage.resources, world.me.inventory.gpus, mine)
        if gpus is None:
            return
        taken = take(
            world.me,
            view,
            wanted,
            claim=self.ids.pop(),
            lease=lease(self.snapshot, wanted.stage),
            wanted=self.snapshot.main,
            wall=world.wall,
            gpus=tuple(gpu.uuid for gpu in gpus),
            built=building(self.snapshot, view.id, wanted.stage),
            saved=self._in_reach(view, wanted),
        )
        event = StateEvent(
            verb="claim",
            project=view.id,
            execution=taken.record.execution,
            stage=wanted.name,
            fact=f"on {world.me.node}" + (f", attempt {wanted.attempt}" if wanted.attempt > 1 else ""),
            claim=taken.record.claim.id,
            request=wanted.request,
        )
        self.draft.record(view.id, event, *self._replaced(view, wanted), taken.record)
        self.grants.append(taken.entry)
        self.busy[world.me.node] = self.busy.get(world.me.node, 0) + 1
        self.claims[world.me.node][view.id, taken.record.execution] = taken.record.asked or capacity.NOTHING
        who = f"{view.id}/{taken.record.execution}"
        self.used.add(account, wanted_of(wanted.stage), wanted.stage.resource_group or "", who)
        hold(mine, taken.record.gpus, who, share_of(taken.record))

    def _replaced(self, view: ProjectView, slot: Slot) -> tuple[Execution, ...]:
        lost = view.execution(slot.replaces) if slot.replaces else None
        if lost is None:
            return ()
        return (lost.model_copy(update={"state": State.SUPERSEDED, "reason": End.NODE_LOST}),)


def _as_seen(world: World, snapshot: Snapshot, live: frozenset[str]) -> Snapshot:
    """With what this node has seen of the others: whoever is not alive for it is silent, told to others or not. Of
    itself it knows what it has not written down yet: that there is room again, for instance.
    """
    me = world.me.node
    if me in snapshot.inventories and snapshot.inventories[me] != world.me.inventory:
        snapshot = replace(snapshot, inventories={**snapshot.inventories, me: world.me.inventory})
    quiet = {name: world.seen.silence(name) for name in snapshot.inventories if name not in live}
    if not quiet:
        return snapshot
    silent = {node: Judged(NodeState.SILENT, f"silent for {rough(since)}") for node, since in quiet.items()}
    return replace(snapshot, judged={**snapshot.judged, **silent})


def urgency(view: ProjectView) -> tuple[int, str]:
    """By which projects are sorted, the first to be seen to first."""
    return (-(view.project.priority if view.project else 0), view.id)
