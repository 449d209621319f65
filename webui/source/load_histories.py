"""How the load of other nodes went: what they wrote down, asked of those that answer while somebody looks."""

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from peer.client.executions import FarNode, peers_of
from runner.store.errors import StoreError
from schema.node import Inventory

EVERY, RESTS = 30.0, 60.0
"""Seconds from one question to the next, of a node that answers and of one that does not."""
PATIENCE = 1.0
"""Seconds that a page waits for nodes that it asks for the first time."""
MOST = 32
"""Nodes that are asked."""
Series = Mapping[str, Sequence[tuple[float, float]]]


@dataclass(slots=True)
class KnownLoad:
    """What a node said, and when it is asked again."""

    series: Series = field(default_factory=dict)
    due: float = float("-inf")
    answered: threading.Event = field(default_factory=threading.Event)


class LoadHistories:
    """`data` is the directory of the node on this machine, with whose key the others are asked."""

    def __init__(self, data: Path | None, now: Callable[[], float] = time.monotonic) -> None:
        self.data, self.now = data, now
        self._known: dict[tuple[str, int], KnownLoad] = {}
        self._lock = threading.Lock()

    def of(self, nodes: Iterable[str], inventories: Mapping[str, Inventory], span: float) -> Mapping[str, Series]:
        """By node; (time here, value) of each column, oldest first. Nothing of nodes that cannot be asked."""
        peers = peers_of(self.data, inventories) if self.data else None
        if peers is None:
            return {}
        asked = [node for node in nodes if FarNode(peers, node).reachable][:MOST]
        known = {node: self._asked(FarNode(peers, node), int(span)) for node in asked}
        until = self.now() + PATIENCE
        for each in known.values():
            each.answered.wait(max(0.0, until - self.now()))
        return {node: each.series for node, each in known.items()}

    def _asked(self, there: FarNode, span: int) -> KnownLoad:
        with self._lock:
            known = self._known.setdefault((there.node, span), KnownLoad())
            if self.now() >= known.due:
                known.due = self.now() + RESTS
                threading.Thread(target=self._renew, args=(there, span, known), name="load", daemon=True).start()
            return known

    def _renew(self, there: FarNode, span: int, known: KnownLoad) -> None:
        try:
            told, now = there.load(span), time.time()
            known.series = {name: [(now - ago, value) for ago, value in points] for name, points in told.items()}
            known.due = self.now() + EVERY
        except StoreError:
            known.series = {}
        finally:
            known.answered.set()
