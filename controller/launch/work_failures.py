"""Work that failed: how often, and until when it rests before it is tried again."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from flow.model.backoff import Backoff
from flow.node.node_world import Setback, Work

RESTS = Backoff(first=1.0, longest=60.0)


@dataclass(frozen=True, slots=True)
class Failure:
    """Of one piece of work. `faults` are the tries that failed for a reason that need not pass by itself."""

    work: Work
    text: str
    tries: int
    faults: int
    until: float
    news: bool  # nothing of this text was said before


class WorkFailures:
    """Failures of launches and collections, by container. For threads."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._clock = now
        self._lock = threading.Lock()
        self._known: dict[str, Failure] = {}

    @property
    def now(self) -> Mapping[str, Setback]:
        """By container."""
        with self._lock:
            now = self._clock()
            return {container: Setback(each.work, now < each.until) for container, each in self._known.items()}

    def add(self, container: str, work: Work, text: str, *, passing: bool, rest: float | None = None) -> Failure:
        """`passing`: it may well go away by itself. `rest`: how long, where whoever failed knows better."""
        with self._lock:
            before = self._known.get(container)
            if before is None or before.work != work:
                before = Failure(work, "", 0, 0, 0.0, news=True)
            pause = RESTS.rest(before.tries + 1) if rest is None else rest
            failure = Failure(
                work,
                text,
                before.tries + 1,
                before.faults + (not passing),
                self._clock() + pause,
                news=before.text != text,
            )
            self._known[container] = failure
            return failure

    def over(self, container: str) -> None:
        with self._lock:
            self._known.pop(container, None)
