"""For how long others cannot have given this node up, as it may conclude from its own signs of life.

A heartbeat does not move `winslow/state`. So where a node was silent for too long, another one may have decided to give
its claims up before a later heartbeat arrived, and that decision may still land. Only a commit of the node's own stands
in its way: what was decided on an older tip is refused.
"""

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class SignsOfLife:
    """Signs that arrived, each by when it was sent, since the newest commit of this node or since its process began."""

    first: float | None = None
    latest: float | None = None
    gap: float = 0.0  # the longest time between two of them
    committed: bool = False

    def beaten(self, at: float) -> "SignsOfLife":
        if self.latest is None:
            return replace(self, first=at, latest=at)
        return replace(self, latest=max(at, self.latest), gap=max(self.gap, at - self.latest))

    def renewed(self, at: float) -> "SignsOfLife":
        """By a commit on the newest tip, or while no other node was there that could decide anything."""
        return SignsOfLife(at, at, 0.0, committed=True)

    def prolong(self, sent: float | None, now: float, lost_after: float) -> bool:
        """Whether a claim that was sent then has not been silent for too long at any time since."""
        if self.first is None or self.latest is None or now - self.latest >= lost_after or self.gap >= lost_after:
            return False
        return self.committed or (sent is not None and self.first - sent < lost_after)
