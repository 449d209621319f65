"""How long a round waits for the engine: never so long that heartbeats, aborts or limits wait with it.

What takes longer goes on beside the rounds. Until it has ended, the same question counts as one without an answer, and
its answer is thrown away: by then it says how things were, not how they are.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotInTime
from typing import Protocol, TypeVar

from runner.contract.errors import EngineUnavailable

Answer = TypeVar("Answer")
LONGEST = 10.0
"""Seconds that a round waits for one call of the engine."""
SHORT = 0.5
"""Seconds for a further one, while another is without an answer."""


class Patience(Protocol):
    def ask(self, what: str, question: Callable[[], Answer]) -> Answer:
        """The answer, or what the question raises. EngineUnavailable where neither comes in time."""
        ...


class NoPatience:
    """In the caller, for as long as it takes: for simulations, and for engines that are functions."""

    def ask(self, what: str, question: Callable[[], Answer]) -> Answer:
        return question()


class ThreadPatience:
    def __init__(self, longest: float = LONGEST, short: float = SHORT) -> None:
        self.longest, self.short = longest, short
        self._lock = threading.Lock()
        self._open: set[str] = set()

    def ask(self, what: str, question: Callable[[], Answer]) -> Answer:
        with self._lock:
            if what in self._open:
                raise _silent(what)
            wait = self.short if self._open else self.longest
            self._open.add(what)
        answer: Future[Answer] = Future()
        threading.Thread(target=self._run, args=(what, question, answer), name=f"engine-{what}", daemon=True).start()
        try:
            return answer.result(wait)
        except NotInTime:
            if answer.done():
                raise  # the question itself ran out of time
            raise _silent(what) from None

    def _run(self, what: str, question: Callable[[], Answer], answer: "Future[Answer]") -> None:
        try:
            found = question()
        except BaseException as error:  # whoever asked is to see it
            self._close(what)
            answer.set_exception(error)
        else:
            self._close(what)
            answer.set_result(found)

    def _close(self, what: str) -> None:
        with self._lock:
            self._open.discard(what)


def _silent(what: str) -> EngineUnavailable:
    return EngineUnavailable(f"the engine has not answered yet ({what.split()[0]})")
