"""What should this node do next? A world in, a decision out.

First it looks after what the node holds, then it does a steward's work (replies, losses, deletions), then it takes new
work, as much as fits. What it may not do: anything but local housekeeping on a world that is not fresh; anything at
all that cannot be taken back while it is halted.
"""

from collections.abc import Hashable, Iterator
from dataclasses import replace

from flow.model.snapshot import Snapshot
from flow.node.decision import Decision, Stop, Wipe
from flow.node.lease_terms import lapsed
from flow.node.node_world import HeldClaim, ObservedContainer, Setback, Work, World
from flow.placement.gpus import beyond_share
from flow.reconcile.commit_draft import CommitDraft
from flow.reconcile.held_claims import HeldClaims
from flow.reconcile.interruptions import given_back, interruptions
from flow.reconcile.new_claims import NewClaims
from flow.reconcile.project_fault import ProjectFault, without
from flow.reconcile.stewardship import Stewardship
from schema.reasons import End

MOST_FAULTS = 50
"""Projects that one round leaves out, each of which costs another look; with more, the round fails."""


def decide(world: World) -> Decision:
    return foretold(world)[0]


def foretold(world: World) -> tuple[Decision, Snapshot]:
    """The decision, and the snapshot as it will be once its commits have landed."""
    local = Decision(
        stops=(*_overdue(world), *given_back(world)),
        collects=tuple(_collectable(world)),
        halted=world.halted,
    )
    before = world.snapshot or Snapshot("", "")
    if world.halted:
        return local, before
    if not world.fresh or world.snapshot is None:
        return replace(local, launches=tuple(_launchable(world))), before
    return _contained(world, world.snapshot, local)


def _contained(world: World, snapshot: Snapshot, local: Decision) -> tuple[Decision, Snapshot]:
    """Decided anew without each project in which there is a fault."""
    faults: dict[str, str] = {}
    while True:
        try:
            decision, after = _with_repository(world, snapshot, local)
            return replace(decision, faults=tuple(faults.items())), after
        except ProjectFault as fault:
            if len(faults) == MOST_FAULTS:
                raise
            snapshot = without(snapshot, fault)
            faults[fault.project] = str(fault)


def _with_repository(world: World, snapshot: Snapshot, local: Decision) -> tuple[Decision, Snapshot]:
    draft = CommitDraft(snapshot)
    watched: set[Hashable] = set()
    stewardship = Stewardship(
        world.me,
        snapshot,
        world.seen,
        world.poll,
        draft,
        watched,
        wall=world.wall,
        halts=world.halts,
        unseen=world.unseen,
    )
    stewardship.register()
    held = HeldClaims(world, snapshot, draft, watched)
    held.tend()
    stewardship.serve()
    taking = NewClaims(world, snapshot, draft, watched, stewardship.live, held.ids_left)
    taking.take()
    held.mention()
    draft.show()
    stewardship.show()
    decision = Decision(
        stops=(*local.stops, *held.stops, *interruptions(world, taking.wanted_room, watched)),
        ends=tuple(held.ends),
        collects=tuple(each for each in local.collects if each not in {ended.container for ended in held.ends}),
        adopted=tuple(held.adopted),
        launches=tuple(held.launches),
        commits=tuple(draft.commits),
        grants=(*held.grants, *taking.grants),
        drops=tuple(held.drops),
        removals=tuple(held.removals),
        wipes=tuple(_wipes(world, stewardship)),
        watched=frozenset(watched),
        unseen=frozenset(taking.unseen),
    )
    return decision, draft.after()


def _wipes(world: World, stewardship: Stewardship) -> Iterator[Wipe]:
    """Not under the hands of a launch or a collection: what that makes afterwards would stay for ever. What is set
    aside needs no engine, and must not wait: files of a new project of that name may come at any time.
    """
    at_work = {entry.order.project for id, entry in world.entries.items() if id in world.busy}
    for wipe in stewardship.wipes(world.wiped):
        if wipe.part or (world.engine and wipe.project not in at_work):
            yield wipe


def _overdue(world: World) -> Iterator[Stop]:
    """Stages past their own limits, and stops that were decided before and have not worked yet."""
    for container, entry in world.entries.items():
        sight = world.containers.get(container)
        if sight is None or not sight.running:
            continue
        given_up = End.NODE_LOST if lapsed(world, entry) else None
        if reason := entry.stop or given_up or _limit(entry, sight, world):
            yield Stop(container, reason)
        elif more := beyond_share(sight):
            yield Stop(container, End.GPU_MEMORY_EXCEEDED, more)


def _limit(entry: HeldClaim, sight: ObservedContainer, world: World) -> End | None:
    """What it wrote is not known while the engine does not answer; for how long it has run is."""
    order, now = entry.order, world.now
    if sight.started is None:
        return None
    if order.timeout is not None and now - sight.started > order.timeout:
        return End.TIMEOUT
    newest = max(sight.started, sight.last_output or 0.0)
    if world.engine and order.idle_timeout is not None and now - newest > order.idle_timeout:
        return End.NO_OUTPUT
    return None


def _collectable(world: World) -> Iterator[str]:
    for container in world.entries:
        sight = world.containers.get(container)
        if sight and sight.exited and not _occupied(world, container, "collection"):
            yield container


def _launchable(world: World) -> Iterator[str]:
    """Claims that had landed before the repository went away. Not while nobody says what runs already."""
    for container, entry in world.entries.items() if world.engine else ():
        if entry.phase != "granted" or entry.stop or lapsed(world, entry) or _occupied(world, container, "launch"):
            continue
        sight = world.containers.get(container)
        if sight is None or not (sight.running or sight.exited):
            yield container


def _occupied(world: World, container: str, work: Work) -> bool:
    """Whether that is not to be done now, or no longer."""
    rests = world.setbacks.get(container) == Setback(work, resting=True)
    return rests or container in world.busy or container in world.outbox
