"""Leaves files of this node's pool in its bucket for nodes that wait for them, and says so in its inventory."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from stat import S_ISREG

from controller.loop.alarms import Alarms
from flow.model.backoff import Backoff
from flow.node.node_world import World
from flow.placement.lending import asked
from runner.files.bucket import Bucket
from runner.store import digests
from runner.store.errors import StoreError
from schema.node import LentFile

RESTS = Backoff(first=10.0, longest=600.0)


@dataclass(frozen=True, slots=True)
class _Left:
    """A file as it lies in the bucket, and what its pool's file was like then."""

    file: LentFile
    stamp: digests.Stamp


class PoolLending:
    def __init__(
        self,
        pool: Path,
        bucket: Bucket,
        cache: digests.DigestCache,
        submit: Callable[[Callable[[], None]], None],
        say: Callable[[str], None],
    ) -> None:
        self.pool, self.bucket, self.cache, self.submit = pool, bucket, cache, submit
        self.alarms = Alarms(say)
        self._left: dict[str, _Left] = {}
        self._at_work, self._failed, self._again = False, 0, float("-inf")

    def seen(self, world: World) -> World:
        """The world with what this node lends. What is new to be lent is sent beside the rounds, and told when it is
        there; what nobody waits for any more is told no longer, and stays in the bucket as what no record names does.
        """
        if world.snapshot is None:
            return world
        wanted = asked(world.snapshot, world.me.inventory)
        there = {path: found for path in wanted if (found := self._found(path))}
        self._left = {path: left for path, left in self._left.items() if there.get(path) == left.stamp}
        due = [path for path in there if path not in self._left]
        if due and not self._at_work and world.now >= self._again:
            self._at_work = True
            self.submit(lambda: self._work(due, world.now))
        lends = tuple(self._left[path].file for path in sorted(self._left))
        return replace(world, me=replace(world.me, inventory=world.me.inventory.model_copy(update={"lends": lends})))

    def _found(self, path: str) -> digests.Stamp | None:
        """Of a file that lies in the pool, and not behind a link that leads out of it."""
        try:
            real = (self.pool / path).resolve()
            there = real.stat()
        except (OSError, ValueError):
            return None
        inside = self.pool.resolve() in real.parents
        return digests.stamp(there) if inside and S_ISREG(there.st_mode) and os.access(real, os.R_OK) else None

    def _work(self, paths: Sequence[str], now: float) -> None:
        try:
            left = {path: found for path in paths if (found := self._send(path))}
            self._left = {**self._left, **left}
            self._failed = 0
            self.alarms.over("lending")
        except (StoreError, OSError) as error:
            self._failed += 1
            self._again = now + RESTS.rest(self._failed)
            self.alarms.tell("lending", f"a file that another node waits for is not in the bucket yet: {error}")
        finally:
            self._at_work = False

    def _send(self, path: str) -> _Left | None:
        """Nothing where it changes meanwhile. StoreError, OSError."""
        before, real = self._found(path), (self.pool / path).resolve()
        if before is None:
            return None
        digest, size = self.cache.file(real), real.stat().st_size
        if not self.bucket.has(digest, size):
            self.bucket.put(digest, real)
        return _Left(LentFile(path=path, digest=digest, bytes=size), before) if self._found(path) == before else None
