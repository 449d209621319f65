"""B4: a round waits only so long for the engine, and asks the same thing again only once it was answered."""

import threading

import pytest

from controller.loop.patience import ThreadPatience
from runner.contract.errors import EngineUnavailable

GUARD = 20.0


def test_an_answer_or_an_error_comes_back_as_it_is() -> None:
    patience = ThreadPatience(GUARD)
    assert patience.ask("look", lambda: 5) == 5
    with pytest.raises(ZeroDivisionError):
        patience.ask("look", lambda: 1 // 0)
    assert patience.ask("look", lambda: 6) == 6


def test_B4_an_engine_that_hangs_keeps_nobody_waiting() -> None:
    patience, gate, over = ThreadPatience(0.0, 0.0), threading.Event(), threading.Event()

    def hangs() -> None:
        gate.wait(GUARD)
        over.set()

    for _ in range(3):
        with pytest.raises(EngineUnavailable, match=r"has not answered yet \(stop\)"):
            patience.ask("stop c", hangs)
    gate.set()
    assert over.wait(GUARD)


def test_a_late_answer_is_thrown_away() -> None:
    patience, gate = ThreadPatience(0.0, 0.0), threading.Event()
    with pytest.raises(EngineUnavailable):
        patience.ask("look", lambda: gate.wait(GUARD))
    gate.set()
    patience.longest = patience.short = GUARD
    end = threading.Event()
    while not end.is_set():
        try:
            assert patience.ask("look", lambda: "fresh") == "fresh"
            end.set()
        except EngineUnavailable:
            pass
