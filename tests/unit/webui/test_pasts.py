"""Looks at the past: beside each other, once each, and not kept for ever."""

import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from flow.model.snapshot import Snapshot
from state.history.at_time import NoTime
from webui.source import past
from webui.source.past import AT_ONCE, KEPT, OthersLook, Pasts
from webui.source.view_source import Look

NOW = Look(Snapshot("m", "s"), 0.0)
PATIENT = 10


class Slow:
    """Makes a past when it is let; `asked` are those that were begun."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[str] = []
        self.begun, self.go = threading.Semaphore(0), threading.Event()
        commit = SimpleNamespace(commit_time=1, message="begin")
        self.pasts = Pasts(SimpleNamespace(clone=SimpleNamespace(line=lambda _: iter([commit]))))
        monkeypatch.setattr(past.at_time, "at", self._at)

    def _at(self, clone: object, when: str, now: float) -> Snapshot:
        self.asked.append(when)
        self.begun.release()
        assert self.go.wait(PATIENT)
        if when == "never":
            raise NoTime("there was no such time")
        return Snapshot("m", when)

    def state(self, when: str) -> str:
        return self.pasts.look(when, NOW)[0].snapshot.state


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Slow:
    return Slow(monkeypatch)


def test_two_different_ones_are_made_beside_each_other(slow: Slow) -> None:
    with ThreadPoolExecutor() as pool:
        found = [pool.submit(slow.state, when) for when in ("1h", "2h")]
        assert all(slow.begun.acquire(timeout=PATIENT) for _ in found)
        slow.go.set()
        assert [each.result(PATIENT) for each in found] == ["1h", "2h"]


def test_the_same_one_is_made_once(slow: Slow) -> None:
    with ThreadPoolExecutor() as pool:
        found = [pool.submit(slow.state, "1h") for _ in range(4)]
        assert slow.begun.acquire(timeout=PATIENT)
        slow.go.set()
        assert [each.result(PATIENT) for each in found] == ["1h"] * 4
    assert slow.asked == ["1h"]


def test_of_many_at_once_the_last_hear_that_others_look(slow: Slow, monkeypatch: pytest.MonkeyPatch) -> None:
    with ThreadPoolExecutor() as pool:
        found = [pool.submit(slow.state, f"{number}h") for number in range(AT_ONCE)]
        assert all(slow.begun.acquire(timeout=PATIENT) for _ in found)
        monkeypatch.setattr(past, "PATIENCE", 0.01)
        for when in ("0h", "9h"):  # one that is being made, and one for which there is no room
            with pytest.raises(OthersLook, match="try again"):
                slow.state(when)
        monkeypatch.setattr(past, "PATIENCE", PATIENT)
        slow.go.set()
        assert [each.result(PATIENT) for each in found] == ["0h", "1h"]
    assert slow.state("9h") == "9h"


def test_a_failure_is_told_and_not_kept(slow: Slow) -> None:
    slow.go.set()
    for _ in range(2):
        with pytest.raises(NoTime):
            slow.state("never")
    assert slow.asked == ["never", "never"]


def test_the_newest_are_kept_and_all_go_where_nobody_looks(slow: Slow) -> None:
    slow.go.set()
    moments = [f"{number}h" for number in range(KEPT + 1)]
    for when in [*moments, moments[-1], moments[1], moments[0]]:
        slow.state(when)
    assert slow.asked == [*moments, moments[0]]
    timer = slow.pasts._forget
    assert timer is not None
    timer.function()
    assert slow.state(moments[0]) == moments[0]
    assert slow.asked[-1] == moments[0]
    assert len(slow.asked) == KEPT + 3
