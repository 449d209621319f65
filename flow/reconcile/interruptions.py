"""Which stages of this node are interrupted now: for a stage that waits, or for the owner of the machine.

By the node that runs them, and nobody else.

Who gives way to whom is the same wherever it is asked (`flow.order.giving_way`). Whether it is time, this node's own
clock says: each of them has run for its `min_runtime`, and the stage has waited for it for a few looks.
"""

from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass

from flow.node.decision import Stop
from flow.node.node_world import HeldClaim, World
from flow.order.giving_way import GivingWay, Interruptible
from schema.reasons import End

LOOKS = 2.0
"""Polls for which it must have been so: what another node takes in a moment interrupts nothing."""


@dataclass(frozen=True, slots=True)
class WantedRoom:
    """A stage, as people call it, with its key and priority, and what gives way to it."""

    stage: str
    key: Hashable
    priority: int
    way: GivingWay


def given_back(world: World) -> Iterator[Stop]:
    """What ends as the owner of this machine wants it, or as the time of its drain is over. Whatever the repository
    says by then, or whether it is there: it is his machine.
    """
    me = world.me.node
    owner = f"the owner of {me} wants it: {world.me.inventory.owner}" if world.me.inventory.owner else ""
    for container, entry in world.entries.items() if owner or world.ends_all else ():
        sight = world.containers.get(container)
        if entry.stop or container in world.outbox or (sight and sight.exited):
            continue
        text = f"{me} drains, and {world.ends_all}" if world.ends_all else owner
        if world.ends_all or entry.order.min_runtime is not None:
            yield Stop(container, End.PREEMPTED, text)


def interruptions(world: World, wanted: Iterable[WantedRoom], watched: set[Hashable]) -> Iterator[Stop]:
    for each in wanted:
        if each.way.node != world.me.node:
            continue
        key = ("gives way", each.key, tuple(one.who for one in each.way.ended))
        watched.add(key)
        if world.seen.age(key) < LOOKS * world.poll:
            continue
        held = [_held(world, one) for one in each.way.ended]
        if not all(entry and _ripe(world, entry) for entry in held):
            continue
        for entry, one in zip(held, each.way.ended, strict=True):
            if entry and not entry.stop:
                yield Stop(entry.container, End.PREEMPTED, _text(each, one))


def _text(wanted: WantedRoom, one: Interruptible) -> str:
    return f"it gave way to {wanted.stage}, of priority {wanted.priority}; its own is {one.priority}"


def _held(world: World, one: Interruptible) -> HeldClaim | None:
    for entry in world.entries.values():
        if (entry.order.project, entry.order.execution) == (one.project, one.execution):
            return entry
    return None


def _ripe(world: World, entry: HeldClaim) -> bool:
    """Whether it has run for long enough, and still runs; or is being ended already."""
    sight, least = world.containers.get(entry.container), entry.order.min_runtime
    if entry.stop:
        return True
    if sight is None or not sight.running or sight.started is None or least is None:
        return False
    return world.now - sight.started >= least and entry.container not in world.outbox
