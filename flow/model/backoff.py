"""How long a thing that failed rests before it is tried again: twice as long after each failure, up to a bound."""

from dataclasses import dataclass
from typing import Protocol

MOST_DOUBLINGS = 64
"""A power of two beyond this would be no number of seconds."""


class Chance(Protocol):
    """What `random.Random` can do, as nothing here draws by itself."""

    def uniform(self, least: float, most: float, /) -> float: ...


@dataclass(frozen=True, slots=True)
class Backoff:
    """`first` is the rest after one failure, `longest` the bound of any; both are seconds."""

    first: float
    longest: float = float("inf")

    def rest(self, failures: int) -> float:
        """Seconds to rest after so many failures in a row; nothing after none."""
        if failures <= 0:
            return 0.0
        return min(self.longest, self.first * 2.0 ** min(failures - 1, MOST_DOUBLINGS))

    def spread(self, failures: int, chance: Chance) -> float:
        """Any time up to that rest, so that those who failed together do not try together again.

        The idea is "full jitter" (Brooker, Exponential Backoff and Jitter, 2015).
        """
        return chance.uniform(0, self.rest(failures))
