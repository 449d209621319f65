"""Says once, at the first look at the repository with a store that is new here, what the former one took with it."""

from collections.abc import Callable

from flow.model.snapshot import Snapshot
from flow.placement.lost_results import lost_with_store

NAMED = 20


class StoreLoss:
    def __init__(
        self, node: str, before: str, store: str, say: Callable[[str], None], told: Callable[[], None]
    ) -> None:
        """`told` is called once it was said."""
        self.node, self.store, self.say, self.told = node, store, say, told
        self._waits = before != store

    def seen(self, snapshot: Snapshot) -> None:
        if not self._waits:
            return
        self._waits = False
        gone = lost_with_store(snapshot, self.node, self.store)
        if gone:
            more = f" and {len(gone) - NAMED} more" if len(gone) > NAMED else ""
            say = f"what these executions left was only in a store that {self.node} no longer has"
            self.say(f"{say}: {', '.join(gone[:NAMED])}{more}; redo those that others build on")
        self.told()
