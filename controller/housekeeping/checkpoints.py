"""Takes what running stages save of themselves, now and then, beside the rounds: for the case that this node is lost.

What is taken lies in the store, and in the bucket where there is one, before the journal names it; the next round tells
it from there. While one file is written to, none is taken: half of two that belong together is worth less than the pair
of before. While the node's disk is nearly full, none is taken either: its last bytes are for results and the journal.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from controller.journal.journal import Journal
from controller.loop.alarms import Alarms
from flow.node.node_world import HeldClaim, World
from runner.files.bucket import Bucket
from runner.store.errors import StoreError
from runner.store.push import push
from runner.store.workspaces import Workspaces
from schema.execution import SavedRecord


@dataclass(frozen=True, slots=True)
class CheckpointPlace:
    """Where what is saved goes: this node's store, by its id, and the bucket if there is one."""

    workspaces: Workspaces
    store: str
    bucket: Bucket | None


class CheckpointWork:
    def __init__(
        self,
        place: CheckpointPlace,
        journal: Journal,
        submit: Callable[[Callable[[], None]], None],
        say: Callable[[str], None],
    ) -> None:
        self.place, self.journal, self.submit = place, journal, submit
        self.alarms = Alarms(say)
        self._lock = threading.Lock()
        self._busy = set[str]()
        self._last = dict[str, float]()  # seconds since boot

    def look(self, world: World) -> None:
        """Once in a round; what takes long is done beside it."""
        running = {id: sight for id, sight in world.containers.items() if sight.running and sight.started is not None}
        self._last = {id: at for id, at in self._last.items() if id in running}
        if not world.room:
            return  # what is due then is taken as soon as there is room
        for id, sight in running.items():
            entry = world.entries.get(id)
            every = entry.order.save_every if entry else None
            if entry is None or entry.stop or every is None:
                continue
            if world.now - self._last.get(id, sight.started or 0.0) >= every and self._begins(id):
                self._last[id] = world.now
                self.submit(partial(self._work, entry))

    def _begins(self, container: str) -> bool:
        with self._lock:
            begins = container not in self._busy
            self._busy.add(container)
        return begins

    def _work(self, entry: HeldClaim) -> None:
        order = entry.order
        about = f"{order.project}/{order.execution}"
        try:
            self._save(entry)
        except (StoreError, OSError) as error:
            self.alarms.tell(about, f"{about}: what it saves could not be taken this time: {error}")
        else:
            self.alarms.over(about)
        finally:
            with self._lock:
                self._busy.discard(entry.container)

    def _save(self, entry: HeldClaim) -> None:
        order, place = entry.order, self.place
        manifest = place.workspaces.save(order.project, order.execution, entry.container, order.save)
        if manifest is None or (entry.saved and entry.saved.manifest == manifest):
            return
        if place.bucket:
            push(place.workspaces.objects, manifest, place.bucket)
        bucket = place.bucket.name if place.bucket else ""
        self.journal.mark_saved(entry.container, SavedRecord(manifest=manifest, store=place.store, bucket=bucket))
