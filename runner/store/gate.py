"""Many may store and read at once; who deletes does it alone, or another time."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class StoreGate:
    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._inside, self._closed = 0, False

    @contextmanager
    def shared(self) -> Iterator[None]:
        with self._changed:
            self._changed.wait_for(lambda: not self._closed)
            self._inside += 1
        try:
            yield
        finally:
            with self._changed:
                self._inside -= 1

    @contextmanager
    def alone(self) -> Iterator[bool]:
        """False at once where somebody is inside; True keeps everybody out until the block ends."""
        with self._changed:
            free = not self._inside and not self._closed
            self._closed = self._closed or free
        try:
            yield free
        finally:
            if free:
                with self._changed:
                    self._closed = False
                    self._changed.notify_all()
