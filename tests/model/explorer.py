"""Breadth-first search over all states that a model can reach. Knows nothing of claims.

Of a state that was visited only a 64-bit hash is remembered, and that of the state before it: ten million states fit
into two gigabytes. That two of so many share a hash happens about once in 400 000 runs. A counterexample is walked
again from the start, so none is made up.
"""

import multiprocessing
import time
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

State = TypeVar("State", bound=Hashable)
CHUNK = 256
"""States that a process expands at a time."""


@dataclass(frozen=True, slots=True)
class Step(Generic[State]):
    """One thing that can happen. `wrong` names the promise that it breaks, and is empty where it breaks none."""

    label: str
    after: State
    wrong: str = ""


@dataclass(slots=True)
class Explored:
    """What a search has found. `way` is a shortest sequence of steps to `wrong`."""

    states: int = 0
    steps: int = 0
    depth: int = 0
    seconds: float = 0.0
    whole: bool = True  # False where a bound ended the search
    reached: bool = False  # a state that was asked for
    wrong: str = ""
    way: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Expanded(Generic[State]):
    """What follows from some states: what is new as (hash before, hash, state)."""

    steps: int = 0
    reached: bool = False
    wrong: tuple[int, str] | None = None
    following: list[tuple[int, int, State]] = field(default_factory=list)


class Explorer(Generic[State]):
    def __init__(
        self,
        start: State,
        steps: Callable[[State], Iterable[Step[State]]],
        key: Callable[[State], Hashable],
        *,
        goal: Callable[[State], bool] = lambda state: False,
        most: int = 0,
        seconds: float = 0.0,
    ) -> None:
        """States of one `key` are one. `most` states and `seconds` bound the search; 0 for no bound."""
        self.start, self.steps, self.key, self.goal = start, steps, key, goal
        self.most, self.seconds = most, seconds
        self._before: dict[int, int] = {}

    def run(self, workers: int = 1) -> Explored:
        found, began = Explored(), time.monotonic()
        self._before[self._mark(self.start)] = 0
        level = [self.start]
        with _processes(self, workers) as expand:
            while level and not found.wrong:
                level = self._level(level, expand, found, began)
                found.depth += bool(level)
        found.states, found.seconds = len(self._before), time.monotonic() - began
        return found

    def _level(self, level: list[State], expand: "Expand", found: Explored, began: float) -> list[State]:
        following: list[State] = []
        for each in expand([level[at : at + CHUNK] for at in range(0, len(level), CHUNK)]):
            found.steps += each.steps
            found.reached = found.reached or each.reached
            if each.wrong:
                found.wrong, found.way = each.wrong[1], list(self._way(*each.wrong))
                return []
            for before, mark, state in each.following:
                if mark not in self._before:
                    self._before[mark] = before
                    following.append(state)
            if self._bound(began):
                found.whole = False
                return []
        return following

    def expand(self, states: list[State]) -> "Expanded[State]":
        found: Expanded[State] = Expanded()
        known: set[int] = set()
        for state in states:
            before = self._mark(state)
            found.reached = found.reached or self.goal(state)
            for step in self.steps(state):
                found.steps += 1
                if step.wrong:
                    found.wrong = (before, step.wrong)
                    return found
                mark = self._mark(step.after)
                if mark not in known:
                    known.add(mark)
                    if mark not in self._before:
                        found.following.append((before, mark, step.after))
        return found

    def _mark(self, state: State) -> int:
        return hash(self.key(state))

    def _bound(self, began: float) -> bool:
        if self.most and len(self._before) >= self.most:
            return True
        return bool(self.seconds) and time.monotonic() - began > self.seconds

    def _way(self, key: int, wrong: str) -> Iterator[str]:
        """Walk from the start along the hashes, so that nodes keep the names that they have at the start."""
        marks = [key]
        while before := self._before[marks[-1]]:
            marks.append(before)
        state = self.start
        for mark in reversed(marks[:-1]):
            step = next(each for each in self.steps(state) if self._mark(each.after) == mark)
            yield step.label
            state = step.after
        yield next(each.label for each in self.steps(state) if each.wrong == wrong)


Expand = Callable[[list[list[Any]]], Iterable[Expanded[Any]]]
_here: list[Explorer[Any]] = []
"""The explorer of a process that was forked for it."""


def _expand_here(states: list[Any]) -> Expanded[Any]:
    return _here[0].expand(states)


class _processes:
    """Expands chunks of states in this process, or in several."""

    def __init__(self, explorer: Explorer[Any], workers: int) -> None:
        _here[:] = [explorer]
        self._pool = multiprocessing.get_context("fork").Pool(workers) if workers > 1 else None

    def __enter__(self) -> Expand:
        pool = self._pool
        if pool is None:
            return lambda chunks: map(_expand_here, chunks)
        return lambda chunks: pool.imap(_expand_here, chunks)

    def __exit__(self, *_: object) -> None:
        if self._pool:
            self._pool.terminate()
