"""Launches under way: since when, and what is being done. They can take hours, where inputs of many GB are hashed."""

import threading
from collections.abc import Callable, Mapping

from flow.node.node_world import Launch


class Launches:
    """By container, from the first try to the start of the program or the end of the execution. For threads.

    `show` is given what is done and how far it is in percent, for who looks on this machine; None once it is over.
    `note` is given it once, if the launch takes longer than most do.
    """

    NOTED = 1.0
    """Seconds after which what is done is worth a line."""
    SHOWN = 0.5
    """Seconds between two looks."""

    def __init__(
        self,
        clock: Callable[[], float],
        show: Callable[[str, str | None, float | None], None],
        note: Callable[[str, str], None],
    ) -> None:
        self._clock, self._show, self._note = clock, show, note
        self._lock = threading.Lock()
        self._known: dict[str, Launch] = {}
        self._shown: dict[str, float] = {}

    @property
    def now(self) -> Mapping[str, Launch]:
        with self._lock:
            return dict(self._known)

    def begin(self, container: str) -> None:
        """Again, after a try that failed, it is the same launch."""
        with self._lock:
            self._known.setdefault(container, Launch(self._clock(), ""))

    def tell(self, container: str, what: str, done: int = 0, size: int = 0) -> None:
        """`done` of `size` bytes, where that is known."""
        now = self._clock()
        with self._lock:
            known = self._known.get(container)
            if known is None:
                return
            news = known.text != what
            self._known[container] = Launch(known.since, what)
            due = news or now - self._shown.get(container, now) >= self.SHOWN
            if due:
                self._shown[container] = now
        if due:
            self._show(container, what, 100.0 * done / size if size else None)
        if due and now - known.since >= self.NOTED:
            self._note(container, what)

    def over(self, container: str) -> None:
        with self._lock:
            known = self._known.pop(container, None)
            self._shown.pop(container, None)
        if known:
            self._show(container, None, None)
