"""What is told of launches under way, and how often."""

from controller.launch.launches import Launches
from flow.model.clock import VirtualClock
from flow.node.node_world import Launch


class Listener:
    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.shown: list[tuple[str, str | None, float | None]] = []
        self.noted: list[tuple[str, str]] = []
        self.launches = Launches(
            self.clock.now, lambda *news: self.shown.append(news), lambda *news: self.noted.append(news)
        )


def test_progress_is_shown_now_and_then_and_a_line_is_noted_of_what_takes_long() -> None:
    it = Listener()
    it.launches.begin("c")
    for _ in range(100):
        it.clock.seconds += 0.1
        it.launches.tell("c", "hashing", int(it.clock.seconds * 10), 100)
    assert 15 <= len(it.shown) <= 25
    assert it.shown[0][:2] == ("c", "hashing")
    assert set(it.noted) == {("c", "hashing")}
    assert it.launches.now["c"].text == "hashing"


def test_what_is_quick_leaves_no_line() -> None:
    it = Listener()
    it.launches.begin("c")
    it.launches.tell("c", "making its workspace")
    it.launches.over("c")
    assert it.noted == []
    assert it.shown == [("c", "making its workspace", None), ("c", None, None)]
    assert it.launches.now == {}


def test_it_is_the_same_launch_after_a_try_that_failed_and_nothing_is_told_of_one_that_is_over() -> None:
    it = Listener()
    it.launches.begin("c")
    it.clock.seconds += 5
    it.launches.begin("c")
    assert it.launches.now == {"c": Launch(0.0)}
    it.launches.over("c")
    it.launches.tell("c", "late")
    it.launches.over("c")
    assert it.shown == [("c", None, None)]
