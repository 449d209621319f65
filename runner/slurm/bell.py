"""Wakes a node soon after a job has ended, by one small file that every job's end makes longer."""

import os
import threading
from collections.abc import Callable
from pathlib import Path

EVERY = 0.5
"""Seconds between two looks at the file, on a folder whose changes nobody is told of."""


class EndBell:
    def __init__(self, path: Path, on_change: Callable[[], None]) -> None:
        self.path, self.on_change = path, on_change
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="slurm-ends", daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        before = self._size()
        while not self._over.wait(EVERY):
            if (now := self._size()) != before:
                before = now
                self.on_change()

    def _size(self) -> int:
        try:
            return os.stat(self.path).st_size
        except OSError:
            return 0

    def close(self) -> None:
        self._over.set()
        self._thread.join(1)
