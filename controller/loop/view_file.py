"""What a node lets its page see of its view: the tips, who shows signs of life, and since when it has not heard.

One small file, replaced whole whenever it says something new; nothing is lost with it.
"""

import json
from collections.abc import Callable
from pathlib import Path

from flow.node.node_world import World

VIEW = "view.json"


class ViewFile:
    def __init__(self, path: Path, pool: Path, wall: Callable[[], float], bucket: str = "") -> None:
        self.path, self.pool, self.wall, self.bucket = path, pool.absolute(), wall, bucket
        self._shown: dict[str, object] = {}
        self._heard = self._when = 0.0

    def show(self, world: World) -> None:
        now = self.wall()
        if world.fresh:
            self._heard = now
        shown = self._view(world)
        if shown == self._shown and now - self._when < 1.0:
            return
        self._shown, self._when = shown, now
        part = self.path.with_suffix(".part")
        try:
            part.write_text(json.dumps({**shown, "heard": self._heard}))
            part.replace(self.path)
        except OSError:
            part.unlink(missing_ok=True)  # a full disk: the page shows how old its view is

    def _view(self, world: World) -> dict[str, object]:
        found = world.snapshot
        if found is None:
            return {"node": world.me.node, "halted": world.halted}
        return {
            "node": world.me.node,
            "pool": str(self.pool),
            "bucket": self.bucket,
            "main": found.main,
            "state": found.state,
            "heartbeats": dict(found.heartbeats),
            "silence": {node: round(world.seen.silence(node)) for node in found.inventories},
            "halted": world.halted,
            "away": not world.fresh,
            "poll": world.poll,
        }
