"""How long a node may be silent: three heartbeats of the slowest one in the fleet, or one that is late ends a healthy
stage.

An exclusive claim lapses sooner for who holds it than for who watches: its node ends the stage `give_up_after` after
the last sign of life that is known to stand in the repository, counted from when that was sent, and has ended it
`kill_within` later. Others wait for `lost_after`, which is more than both, from when they saw that sign.
"""

from collections.abc import Iterable

from flow.model.snapshot import Snapshot
from flow.node.node_world import HeldClaim, World
from schema.execution import Lease
from schema.node import Exclusive, Inventory, Settings
from schema.pipeline import Stage
from schema.quantities import format_duration

BEATS = 3.0
"""Heartbeats that fit into `lost_after` at least."""


def lease(snapshot: Snapshot, stage: Stage) -> Lease:
    """For a new claim. Never shorter than the fleet's heartbeats allow, whatever the settings say."""
    if stage.exclusive:
        times = stage.exclusive if isinstance(stage.exclusive, Exclusive) else snapshot.settings.exclusive
        return Lease(lost_after=times.lost_after, give_up_after=times.give_up_after, kill_within=times.kill_within)
    slowest = max((each.heartbeat for each in snapshot.inventories.values()), default=0.0)
    return Lease(lost_after=max(snapshot.settings.lost_after, BEATS * slowest))


def lapsed(world: World, entry: HeldClaim) -> bool:
    """Whether an exclusive claim is over, which it then is for good."""
    return entry.exclusive and world.now >= world.leases.get(entry.container, 0.0)


def given_up(entry: HeldClaim) -> str:
    """Why an exclusive execution was ended, or not begun."""
    return (
        f"it is exclusive, and for {entry.give_up_after:g} s no sign of life of its node was seen to stand in the "
        "repository: so it was ended, before another node may run it"
    )


def too_short(settings: Settings, node: str, heartbeat: float) -> str:
    """The sentence by which such a node, or such a setting, is refused; nothing where both are fine."""
    if settings.lost_after >= BEATS * heartbeat:
        return ""
    lost, beat = format_duration(settings.lost_after), format_duration(heartbeat)
    return (
        f"lost_after is {lost} in winslow.yaml, and the node {node} gives a sign of life every {beat}: lost_after must "
        f"be at least 3 times that, or healthy stages would be started again; raise lost_after, or start {node} with "
        f"--heartbeat {format_duration(int(settings.lost_after / BEATS) or settings.lost_after / BEATS)} or less"
    )


def problems(settings: Settings, inventories: Iterable[Inventory]) -> tuple[str, ...]:
    found = (too_short(settings, each.node, each.heartbeat) for each in inventories)
    return tuple(text for text in found if text)
