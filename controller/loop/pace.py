"""When the next round begins: by polling with jitter, by a wake-up, or after a lost race by back-off."""

import random
import threading
from dataclasses import dataclass, field

from flow.model.backoff import Backoff

AFTER_LOST_RACES = Backoff(first=0.2, longest=5.0)
CROWDED = 10.0
"""Seconds in which a lost race or a foreign commit counts as company."""
COURTESY = 1.0
"""After landing in company, wait so long, or the last winner keeps winning."""


@dataclass
class Pace:
    """Waits between rounds. `woken` may be set from any thread."""

    poll: float
    chance: random.Random = field(default_factory=random.Random)
    woken: threading.Event = field(default_factory=threading.Event)
    company_until: float = 0.0

    def wake(self) -> None:
        self.woken.set()

    def interval(self) -> float:
        return self.poll * self.chance.uniform(0.85, 1.15)

    def backoff(self, lost: int) -> float:
        """Seconds to wait after `lost` races in a row were lost."""
        return AFTER_LOST_RACES.spread(lost, self.chance)

    def saw_company(self, now: float) -> None:
        self.company_until = now + CROWDED

    def courtesy(self, now: float) -> float:
        return COURTESY if now < self.company_until else 0.0

    def wait(self, seconds: float) -> bool:
        """True when something woke it before the time was over."""
        woken = self.woken.wait(seconds)
        self.woken.clear()
        return woken
