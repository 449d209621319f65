"""Whether the clock on this machine's wall was set while the node ran: what times it recorded before fit no longer.

Nothing is decided by it. People are told, as they read times; the machine's own clock since boot never jumps.
"""

from collections.abc import Callable
from datetime import UTC, datetime

LEAST = 2.0
"""Seconds by which the two clocks may drift apart between two looks, a round apart."""
TOLD = 86_400.0
"""Seconds for which the last step is told."""
GATHERED = 600.0
"""Seconds in which further steps are gathered: each change of what is told is a commit."""


class ClockSteps:
    def __init__(self, wall: Callable[[], float], boot: Callable[[], float], say: Callable[[str], None]) -> None:
        self.wall, self.boot, self.say = wall, boot, say
        self._last: tuple[float, float] | None = None
        self._text, self._since = "", float("-inf")
        self._gathered: list[float] = []

    def look(self) -> str:
        """What is to be told of the last steps, or nothing. Called once in a round."""
        wall, boot = self.wall(), self.boot()
        before, self._last = self._last, (wall, boot)
        size = (wall - before[0]) - (boot - before[1]) if before else 0.0
        if abs(size) >= LEAST:
            self._gathered.append(size)
            self.say(f"the clock of this machine was {said(size)}; durations do not change, recorded times do")
        if self._gathered and boot - self._since >= GATHERED:
            moment = datetime.fromtimestamp(wall, UTC).strftime("%Y-%m-%d %H:%M UTC")
            more = f" in all, in {len(self._gathered)} steps" if len(self._gathered) > 1 else ""
            self._text, self._since = f"{said(sum(self._gathered))}{more}, seen at {moment}", boot
            self._gathered = []
        elif self._text and boot - self._since >= TOLD:
            self._text = ""
        return self._text


def said(size: float) -> str:
    return f"set {'forward' if size > 0 else 'back'} by {abs(size):.0f} s"
