"""How long a node may be silent: three heartbeats of the slowest one in the fleet, or one that is late ends a healthy
stage.
"""

from collections.abc import Iterable

from flow.model.snapshot import Snapshot
from schema.execution import Lease
from schema.node import Inventory, Settings
from schema.quantities import format_duration

BEATS = 3.0
"""Heartbeats that fit into `lost_after` at least."""


def lease(snapshot: Snapshot) -> Lease:
    """For a new claim. Never shorter than the fleet's heartbeats allow, whatever the settings say."""
    slowest = max((each.heartbeat for each in snapshot.inventories.values()), default=0.0)
    return Lease(lost_after=max(snapshot.settings.lost_after, BEATS * slowest))


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
