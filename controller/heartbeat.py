"""The sign of life: this node's own ref, rewritten now and then. Observers look at its object id alone."""

from collections.abc import Callable

from controller.refusals import Refusals
from flow.local import Me, World
from schema.node import Heartbeat
from state.repository import Landed, Outcome, Repository


class NameTaken(Exception):
    """Another installation beats under this node's name."""


class Pulse:
    """Beats when due. The ref's lease is the object id seen last, so a second node of the name is noticed."""

    def __init__(
        self,
        repository: Repository,
        me: Me,
        every: float,
        fresh_id: Callable[[], str],
        refusals: Refusals,
        load: Callable[[], dict[str, float]] = dict,
    ) -> None:
        self.repository, self.me, self.every, self.fresh_id = repository, me, every, fresh_id
        self.refusals, self.load = refusals, load
        self.checked = False  # whether the name is ours
        self.counter = 0
        self.landed_at: float | None = None

    def beat(self, world: World, seen: str | None, halted: str | None) -> Outcome | None:
        """`seen` is what the ref held at the last look. None where it was not due, or is refused for a while."""
        if self.landed_at is not None and world.now - self.landed_at < self.every:
            return None
        if self.refusals.wait("beat", world.now):
            return None
        self.counter += 1
        heartbeat = Heartbeat(
            node=self.me.node,
            incarnation=self.me.incarnation,
            counter=self.counter,
            nonce=self.fresh_id(),
            claims=tuple(entry.claim for entry in world.entries.values()),
            halted=halted,
            load=self.load(),
            time=world.wall,
        )
        outcome = self.repository.beat(heartbeat, expected=seen)
        self.refusals.heard("beat", outcome, world.now)
        if isinstance(outcome, Landed):
            self.landed_at = world.now
        return outcome

    def check_name(self) -> None:
        """At the first look: go on if the ref is free or holds our own incarnation. NameTaken otherwise."""
        if self.checked:
            return
        other = self.repository.heartbeat(self.me.node)
        if other and other.incarnation != self.me.incarnation:
            raise NameTaken(
                f"a node named {self.me.node!r} (installation {other.incarnation[:8]}) is already part of this "
                f"repository; choose another --name, or give this one its data directory back"
            )
        self.checked = True
