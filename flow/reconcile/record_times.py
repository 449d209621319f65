"""Times of an execution that ended: for people, and in order whatever happened to the clock on the wall."""

from datetime import datetime, timedelta

from flow.node.node_world import ExecutionEnd
from schema.execution import Execution, Times

SET = 2.0
"""Seconds by which a duration and the times that it lies between may differ before the clock counts as set."""


def ended_times(record: Execution, ended: ExecutionEnd) -> Times:
    """How long it ran is measured by the clock since boot. Where the clock on the wall was set meanwhile, times of
    before are moved as that clock was, so that they lie as far from the end as they did.
    """
    claimed, started = record.times.claimed, ended.started or record.times.started
    moved = _moved(started, ended.finished, ended.duration)
    ran = ended.duration if started and ended.finished else None
    return Times(claimed=_later(claimed, moved), started=_later(started, moved), finished=ended.finished, ran=ran)


def _moved(started: str | None, finished: str | None, duration: float | None) -> timedelta | None:
    """By how much the clock was set, where it was."""
    if not started or not finished or duration is None:
        return None
    try:
        wrong = datetime.fromisoformat(finished) - timedelta(seconds=duration) - datetime.fromisoformat(started)
    except (ValueError, TypeError, OverflowError):
        return None
    return wrong if abs(wrong.total_seconds()) > SET else None


def _later(moment: str | None, moved: timedelta | None) -> str | None:
    if not moment or moved is None:
        return moment
    try:
        return (datetime.fromisoformat(moment) + moved).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    except (ValueError, OverflowError):
        return moment
