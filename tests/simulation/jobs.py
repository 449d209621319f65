"""Launches and collections that take a while: what they do comes long after the round that wanted it, or never."""

from collections.abc import Callable
from random import Random

from controller.launch.launcher import InlineJobs


class SlowJobs(InlineJobs):
    """The threads of one controller. They die with it; while their machine sleeps they stand still."""

    def __init__(self, chance: Random, now: Callable[[], float], mean: float) -> None:
        self.chance, self.now, self.mean = chance, now, mean
        self.waiting: list[tuple[float, Callable[[], None]]] = []

    def submit(self, work: Callable[[], None]) -> None:
        self.waiting.append((self.now() + self.chance.expovariate(1 / self.mean), work))

    def go_on(self) -> None:
        """What is due by now is done, though its node may have looked at nothing since it began."""
        due = [each for each in self.waiting if each[0] <= self.now()]
        self.waiting = [each for each in self.waiting if each[0] > self.now()]
        for _, work in sorted(due, key=lambda each: each[0]):
            work()
