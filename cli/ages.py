"""How long ago, and how long it took, in a word for people. Recorded times are of other machines' clocks."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from schema.execution import Execution

_UNITS = ((86_400, "d"), (3600, "h"), (60, "m"), (1, "s"))


def short(seconds: float | None) -> str:
    """`42s`, `3m12s`, `5h2m`, `4d3h`: the two largest units, without a blank. Empty for what is not known."""
    if seconds is None:
        return ""
    whole = max(int(seconds), 0)
    for at, (size, letter) in enumerate(_UNITS):
        if whole >= size:
            smaller, mark = _UNITS[min(at + 1, len(_UNITS) - 1)]
            rest = whole % size // smaller
            return f"{whole // size}{letter}" + (f"{rest}{mark}" if rest and at + 1 < len(_UNITS) else "")
    return "0s"


def since(moment: str | None) -> float | None:
    """Seconds from a recorded time to now; nothing for what is no time."""
    try:
        at = datetime.fromisoformat(moment) if moment else None
    except ValueError:
        return None
    return None if at is None else (datetime.now(UTC) - (at if at.tzinfo else at.replace(tzinfo=UTC))).total_seconds()


def took(record: "Execution", *, live: bool = True) -> float | None:
    """How long an execution ran, so far or in all."""
    times = record.times
    if times.finished:
        return record.ran
    return since(times.started) if live and record.state.active else None
