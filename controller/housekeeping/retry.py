"""Work beside the rounds, in parts that may fail: told once, done again after a rest; no part keeps another back."""

import math
import time
from collections.abc import Callable

from flow.model.backoff import Backoff
from runner.store.errors import StoreError

RESTS = Backoff(first=60.0, longest=3600.0)


class RetriedWork:
    """`begin`, every part, `done`: a look. Some of its work may find out only on the way what parts there are."""

    def __init__(self, say: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self.say, self.clock = say, clock
        self._standing, self._failed = set[tuple[str, str]](), set[tuple[str, str]]()
        self._resting = set[str]()
        self._whole = True
        self._times, self._again = 0, math.inf

    @property
    def due(self) -> bool:
        """Whether what failed is to be tried again though nothing is new."""
        return self.clock() >= self._again

    def begin(self) -> None:
        self._whole = self.due or not self._resting
        if self._whole:
            self._resting.clear()

    def part(self, about: str, work: Callable[[], object], name: str = "") -> bool:
        """Whether it could be done. One that has a name is not even tried before its rest is over."""
        if name in self._resting:
            return False
        try:
            work()
        except (OSError, StoreError) as error:
            what = (about, f"{type(error).__name__} {getattr(error, 'errno', '')}")
            if what not in self._standing | self._failed:
                self.say(f"{about}: {error}; tried again")
            self._failed.add(what)
            if name:
                self._resting.add(name)
            return False
        return True

    def done(self) -> None:
        if not self._whole:
            self._standing, self._failed = self._standing | self._failed, set()
            return
        self._standing, self._failed = self._failed, set()
        self._times = self._times + 1 if self._standing else 0
        self._again = self.clock() + RESTS.rest(self._times) if self._standing else math.inf
