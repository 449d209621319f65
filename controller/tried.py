"""Work beside the rounds, in parts that may fail: told once, done again after a rest; no part keeps another back."""

import math
import time
from collections.abc import Callable

from runner.store.errors import StoreError

SHORTEST, LONGEST = 60.0, 3600.0
"""Seconds of the first rest, and of any: each is twice the one before."""


class Tried:
    def __init__(self, say: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self.say, self.clock = say, clock
        self._standing, self._failed = set[tuple[str, str]](), set[tuple[str, str]]()
        self._times, self._again = 0, math.inf

    def part(self, about: str, work: Callable[[], object]) -> bool:
        """Whether it could be done."""
        try:
            work()
        except (OSError, StoreError) as error:
            what = (about, f"{type(error).__name__} {getattr(error, 'errno', '')}")
            if what not in self._standing | self._failed:
                self.say(f"{about}: {error}; tried again")
            self._failed.add(what)
            return False
        return True

    def done(self) -> None:
        """All parts were tried."""
        self._standing, self._failed = self._failed, set()
        self._times = self._times + 1 if self._standing else 0
        rest = min(LONGEST, SHORTEST * 2.0 ** min(self._times - 1, 10))
        self._again = self.clock() + rest if self._standing else math.inf

    @property
    def due(self) -> bool:
        """Whether what failed is to be tried again though nothing is new."""
        return self.clock() >= self._again
