"""A thread beside the rest outlives whatever its work runs into."""

import threading

from runner.worker import _work, keep_at


def test_a_turn_that_fails_is_said_once_and_tried_again() -> None:
    said, left = list[str](), ["bad", "bad", "good", "bad", "worse"]
    done: list[str] = []

    def turn() -> None:
        done.append(left.pop(0))
        if done[-1] != "good":
            raise ValueError(done[-1])

    _work("outbox", turn, lambda: None, said.append, lambda: not left, 0.0)
    assert len(done) == 5
    why = [text.partition("again: ")[2] for text in said]
    assert why == ["ValueError: bad", "ValueError: bad", "ValueError: worse"]


def test_it_goes_on_beside_the_rest() -> None:
    turns, third = [0], threading.Event()

    def turn() -> None:
        turns[0] += 1
        if turns[0] == 3:
            third.set()
        raise KeyError("nobody thought of this")

    keep_at("test", turn, lambda: None, say=lambda text: None, ended=third.is_set, rest=0.0)
    assert third.wait(60)
