"""What one execution took of the machine it ran on, in whole numbers: these add up to the same in any order."""

from datetime import UTC, datetime
from sys import intern
from typing import NamedTuple

CORE, GPU, GIB = 1000, 8000, 250
"""What a core, a GPU and a GiB of memory cost for a second, in thousandths of a core."""
LONGEST = 366 * 86_400_000
"""Milliseconds that one execution can have taken: more is a clock that was set in between."""


class Spent(NamedTuple):
    """`hour` since 1970 when it ended, by its node's clock. `cost` of a second, in thousandths of a core."""

    node: str
    hour: int
    milliseconds: int
    cpus: int  # thousandths
    gpus: int
    cost: int

    @property
    def day(self) -> int:
        return self.hour // 24


def rate(cpus: float | None, memory: int | None, gpus: int) -> int:
    """What a second of it costs. Who names no cores is reckoned with one."""
    cores = round((1.0 if cpus is None else cpus) * CORE)
    return cores + gpus * GPU + (memory or 0) * GIB // 2**30


def spent(
    node: str, finished: str | None, ran: float | None, asked: tuple[float | None, int | None], gpus: int
) -> Spent | None:
    """`ran` is in seconds; `asked` are cores and memory, where they were named. None of what never ran."""
    ended = moment(finished)
    if ran is None or ended is None:
        return None
    took = min(max(round(ran * 1000), 0), LONGEST)
    cpus, memory = asked
    cores = round((1.0 if cpus is None else cpus) * CORE)
    return Spent(intern(node), int(ended // 3600), took, cores, gpus, rate(cpus, memory, gpus))


def moment(text: str | None) -> float | None:
    """Seconds since 1970 of a recorded time."""
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
