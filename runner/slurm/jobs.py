"""Slurm's jobs as `squeue` tells them: one line each, of which nothing is trusted but its shape. Pure."""

import re
from dataclasses import dataclass
from enum import StrEnum

FORMAT = "%i|%T|%r|%S|%M|%j|%k"
"""Number, state, reason, start, time used, name, comment. The last two are texts of whoever made the job."""

NO_REASON = frozenset({"", "None", "(null)"})
OUT_OF_MEMORY, CANCELLED = "OUT_OF_MEMORY", "CANCELLED"
_NUMBER = re.compile(r"[0-9]{1,12}")
_TIME = re.compile(r"(?:(\d+)-)?(?:(\d+):)?(\d+):(\d+)")


class JobPhase(StrEnum):
    """Where a job is on its way, of Slurm's two dozen states."""

    WAITING = "waiting"
    ACTIVE = "active"  # a machine is given to it
    OVER = "over"


_WAITING = frozenset({"PENDING", "REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED", "SPECIAL_EXIT", "RESV_DEL_HOLD"})
_OVER = frozenset(
    {"BOOT_FAIL", CANCELLED, "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", OUT_OF_MEMORY, "PREEMPTED", "REVOKED",
     "TIMEOUT"}
)  # fmt: skip
_FROM_QUEUE = frozenset({"BOOT_FAIL", CANCELLED, "DEADLINE", "REVOKED"})
"""Of those that are over, the ones into which a job comes that no machine was given to."""


@dataclass(frozen=True, slots=True)
class SlurmJob:
    """`used` is how long it has run, in seconds by Slurm's count; `start` when it began, or is expected to."""

    number: str
    state: str
    reason: str = ""
    start: str = ""
    used: float = 0.0
    name: str = ""
    comment: str = ""

    @property
    def phase(self) -> JobPhase:
        if self.state in _OVER:
            return JobPhase.OVER
        return JobPhase.WAITING if self.state in _WAITING else JobPhase.ACTIVE

    @property
    def began(self) -> bool:
        """Whether a machine was ever given to it. One that was cancelled in the queue has a start time too, and of one
        that ran for less than a second Slurm counts none.
        """
        if self.used > 0 or self.phase is JobPhase.ACTIVE:
            return True
        return self.phase is JobPhase.OVER and self.state not in _FROM_QUEUE

    def waits_for(self) -> str:
        """Slurm's own reason, where it waits and gives one."""
        return self.reason if self.phase is JobPhase.WAITING and self.reason not in NO_REASON else ""


def parse(text: str) -> list[SlurmJob]:
    """What does not look like a job is left out: a name may hold whatever its owner likes."""
    return [job for line in text.split("\n") if (job := _job(line))]


def _job(line: str) -> SlurmJob | None:
    parts = line.split("|", 6)
    if len(parts) != 7 or not _NUMBER.fullmatch(parts[0]):
        return None
    number, state, reason, start, used, rest, comment = parts
    return SlurmJob(
        number,
        state,
        reason,
        "" if start == "N/A" else start,
        seconds(used),
        rest,
        "" if comment == "(null)" else comment,
    )


def seconds(text: str) -> float:
    """`1-02:03:04`, `02:03:04` or `3:04`; nothing where it is no time."""
    match = _TIME.fullmatch(text.strip())
    if match is None:
        return 0.0
    days, hours, minutes, rest = (int(part or 0) for part in match.groups())
    return float(((days * 24 + hours) * 60 + minutes) * 60 + rest)
