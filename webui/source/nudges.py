"""Waking the node beside this page, when another node or a server says that there is something new.

The node watches a file in its data directory. Only a hint: correctness rests on polling.
"""

import threading
import time
from collections.abc import Callable
from pathlib import Path

FILE = "nudge"
"""The file that is touched, in the data directory (`controller.loop.wakeup`)."""
EVERY = 0.2
"""Seconds between two nudges that are passed on."""
Later = Callable[[float, Callable[[], None]], None]


def nudge(data: Path) -> None:
    (data / FILE).touch()


def _later(seconds: float, action: Callable[[], None]) -> None:
    timer = threading.Timer(seconds, action)
    timer.daemon = True
    timer.start()


class Seldom:
    """Does something at most once in `EVERY` seconds. What comes sooner is done once, when that time is over: it may
    have been said of something that the last time was too early for.
    """

    def __init__(
        self, action: Callable[[], None], now: Callable[[], float] = time.monotonic, later: Later = _later
    ) -> None:
        self.action, self.now, self.later = action, now, later
        self._lock = threading.Lock()
        self._next, self._waits = float("-inf"), False

    def __call__(self) -> None:
        with self._lock:
            left = self._next - self.now()
            if self._waits:
                return
            self._waits = left > 0
            if not self._waits:
                self._next = self.now() + EVERY
        if left > 0:
            self.later(left, self._belated)
        else:
            self.action()

    def _belated(self) -> None:
        with self._lock:
            self._next, self._waits = self.now() + EVERY, False
        self.action()
