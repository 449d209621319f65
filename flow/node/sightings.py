"""What an observer may conclude from what it saw, by its own clock alone.

Durations grow only with successful polls: after each one, by the time since the previous successful poll, but at most
three poll intervals. Failed polls, suspends and the observer's own restart add nothing. (Counting disconnected or
suspended time lets an observer that was away itself declare everyone else lost.)
"""

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field

from flow.model.snapshot import Snapshot
from flow.project.active import open_views

CREDIT = 3.0
"""A poll counts for at most this many poll intervals."""


@dataclass(frozen=True, slots=True)
class Sightings:
    """How long, in connected seconds, each heartbeat has not changed and each watched thing has been there."""

    polled: float | None = None  # boot-time clock at the last successful poll
    beats: Mapping[str, tuple[str | None, float]] = field(default_factory=dict)
    things: Mapping[Hashable, float] = field(default_factory=dict)

    def silence(self, node: str) -> float:
        return self.beats.get(node, (None, 0.0))[1]

    def age(self, thing: Hashable) -> float:
        return self.things.get(thing, 0.0)


def missed(before: Sightings) -> Sightings:
    """After a failed poll: the time until the next successful one does not count."""
    return Sightings(None, before.beats, before.things)


def looked(before: Sightings, *, now: float, poll: float, snapshot: Snapshot, watched: Iterable[Hashable]) -> Sightings:
    """After a successful poll. `watched` is what the last decision wanted aged; the rest is forgotten."""
    credit = min(now - before.polled, CREDIT * poll) if before.polled is not None else 0.0
    return Sightings(
        polled=now,
        beats={node: _silence(before, node, _sign(snapshot, node), credit) for node in _nodes(snapshot)},
        things={thing: before.things[thing] + credit if thing in before.things else 0.0 for thing in watched},
    )


def _nodes(snapshot: Snapshot) -> set[str]:
    holders = {e.claim.node for view in open_views(snapshot) for e in view.executions if e.state.active}
    return holders | set(snapshot.heartbeats) | set(snapshot.inventories)


def _sign(snapshot: Snapshot, node: str) -> str | None:
    """Its heartbeat, and its newest commit: whoever made that was alive."""
    beat, spoke = snapshot.heartbeats.get(node), snapshot.spoke.get(node)
    return f"{beat} {spoke}" if beat or spoke else None


def _silence(before: Sightings, node: str, seen: str | None, credit: float) -> tuple[str | None, float]:
    if node not in before.beats or before.beats[node][0] != seen:
        return seen, 0.0
    return seen, before.beats[node][1] + credit
