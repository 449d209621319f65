"""Nudges that come often are passed on seldom, and the last one never gets lost."""

from collections.abc import Callable
from pathlib import Path

from controller.loop import wakeup
from webui.source import nudges
from webui.source.nudges import EVERY, Seldom


class Clock:
    def __init__(self) -> None:
        self.now, self.done = 100.0, list[float]()
        self.waiting: list[tuple[float, Callable[[], None]]] = []
        self.seldom = Seldom(lambda: self.done.append(self.now), lambda: self.now, self.later)

    def later(self, seconds: float, action: Callable[[], None]) -> None:
        self.waiting.append((self.now + seconds, action))

    def pass_to(self, moment: float) -> None:
        self.now = moment
        due, self.waiting = self.waiting, []
        for when, action in due:
            assert when <= moment + 1e-9
            action()


def test_the_first_is_passed_on_at_once_and_a_flood_once_more() -> None:
    clock = Clock()
    for part in range(10):
        clock.now = 100 + part * EVERY / 20
        clock.seldom()
    assert clock.done == [100.0]
    assert len(clock.waiting) == 1
    clock.pass_to(100 + EVERY)
    assert clock.done == [100.0, 100 + EVERY]


def test_after_a_belated_one_the_next_waits_as_well() -> None:
    clock = Clock()
    clock.seldom()
    clock.seldom()
    clock.pass_to(100 + EVERY)
    clock.seldom()
    assert len(clock.done) == 2
    clock.pass_to(100 + 2 * EVERY)
    assert len(clock.done) == 3


def test_one_that_comes_later_is_passed_on_at_once() -> None:
    clock = Clock()
    clock.seldom()
    clock.now += EVERY
    clock.seldom()
    assert clock.done == [100.0, 100 + EVERY]
    assert not clock.waiting


def test_the_node_watches_the_file_that_is_touched(tmp_path: Path) -> None:
    nudges.nudge(tmp_path)
    assert (tmp_path / wakeup.FILE).exists()
