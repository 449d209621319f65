"""What stages want of this node's pool and is not there, so that they go to a node that has it.

The node itself never takes such a stage while another could. It tells the others only what it has been asked for in
vain for long enough that somebody else should have taken it; most inputs lie in some pool, and that costs no commit.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from flow.model.snapshot import Snapshot
from flow.node.node_world import World
from flow.placement.ranking import DELAY_RANKS, patience
from flow.project.active import open_views
from flow.project.replies import steps_of

LOOK_EVERY = 2.0
"""Seconds between two looks at the pool while nothing else is new."""
Offered = Callable[[Iterable[str]], frozenset[str]]
"""Which of these files another node has, and gives."""
MOST = 50
LONGEST = 300


class PoolGaps:
    def __init__(self, pool: Path, offers: Offered = lambda paths: frozenset()) -> None:
        self.pool, self.offers = pool, offers
        self._since: dict[str, float] = {}
        self._found: frozenset[str] = frozenset()
        self._looked: tuple[object, float] = (None, 0.0)

    def seen(self, world: World) -> World:
        """The world with what its pool lacks; others are told of it once it lasts, see `World.lacks`."""
        if world.snapshot is None:
            return world
        snapshot, now = world.snapshot, world.now
        if snapshot is not self._looked[0] or now - self._looked[1] >= LOOK_EVERY:
            self._looked = (snapshot, now)
            known = snapshot.inventories.get(world.me.node)
            told = known.lacks if known else ()
            before = {**dict.fromkeys(told, float("-inf")), **self._since}
            there = {path: self._has(path) for path in dict.fromkeys((*told, *_wanted(snapshot)))}
            lacking = [path for path, has in there.items() if not has][:MOST]
            self._since = {path: before.get(path, now) for path in lacking}
            self._found = frozenset(path for path, has in there.items() if has)
        long = patience(DELAY_RANKS, world.poll) + world.poll
        lasting = tuple(sorted(path for path, since in self._since.items() if now - since >= long))
        me = replace(world.me, inventory=world.me.inventory.model_copy(update={"lacks": lasting}))
        return replace(world, me=me, lacks=frozenset(self._since), has=self._found, offered=self.offers(self._since))

    def look(self, world: World, paths: Iterable[str]) -> World:
        """The world with what the pool has and lacks of these, too: what a round itself finds wanted is new to it."""
        found = {path: self._has(path) for path in paths}
        there = frozenset(path for path, has in found.items() if has)
        self._found |= there
        self._since |= {path: world.now for path in found if path not in there}
        return replace(world, lacks=world.lacks | (found.keys() - there), has=(world.has or frozenset()) | there)

    def _has(self, path: str) -> bool:
        try:
            return (self.pool / path).exists()
        except (OSError, ValueError):
            return False


def _wanted(snapshot: Snapshot) -> Iterator[str]:
    for view in open_views(snapshot):
        for slot in steps_of(view).slots:
            yield from (path for path in slot.files if len(path) <= LONGEST)
