"""What other nodes last said of themselves. Asked for only while somebody looks, and at most once in a while."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from schema.node import Heartbeat
from state.contract.errors import StateError
from state.git.git_repository import GitRepository

EVERY = 30.0
PATIENCE = 1.0
"""Seconds: between two questions, and that the first page waits for the first answer."""
Use = Callable[[Callable[[GitRepository], Any]], Any]


class Fleet:
    """`use` lends a client that nobody else uses at the time."""

    def __init__(self, use: Use, now: Callable[[], float] = time.monotonic) -> None:
        self.use, self.now = use, now
        self._known: Mapping[str, Heartbeat] = {}
        self._asked = float("-inf")
        self._lock, self._first = threading.Lock(), threading.Event()

    def known(self, nodes: Sequence[str]) -> Mapping[str, Heartbeat]:
        """By node. A page does not wait for the server, but a moment for the first answer of all."""
        with self._lock:
            due = self.now() - self._asked >= EVERY
            self._asked = self.now() if due else self._asked
        if due:
            threading.Thread(target=self.refresh, args=(nodes,), name="fleet", daemon=True).start()
        self._first.wait(PATIENCE)
        return self._known

    def refresh(self, nodes: Sequence[str]) -> None:
        def ask(repository: GitRepository) -> dict[str, Heartbeat]:
            repository.fetch()
            return {node: said for node in nodes if (said := repository.heartbeat(node))}

        try:
            self._known = self.use(ask)
        except StateError:
            pass  # what was known stays; the page says how old its view is
        finally:
            self._first.set()
