"""Time, as the product sees it: seconds since boot, including suspended time. Never a wall clock."""

from dataclasses import dataclass
from typing import Protocol


class Clock(Protocol):
    def now(self) -> float:
        """Seconds since boot (`CLOCK_BOOTTIME`)."""
        ...

    def wall(self) -> str:
        """ISO 8601 UTC, to be shown to people, never to be compared."""
        ...


@dataclass
class VirtualClock:
    """Time that a test or a simulation moves by hand."""

    seconds: float = 0.0

    def now(self) -> float:
        return self.seconds

    def wall(self) -> str:
        minutes, seconds = divmod(self.seconds, 60)
        hours, minutes = divmod(int(minutes), 60)
        days, hours = divmod(hours, 24)
        return f"2000-01-{1 + days % 28:02d}T{hours:02d}:{minutes:02d}:{seconds:06.3f}Z"
