"""Load over time: fine for an hour, means of minutes for a month. Kept in folders, one for each thing that is measured.

`load/machine` and `load/gpu-<uuid>` in a node's data directory; `runs/<container>/load` for a stage.
"""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from runner.metrics.ring import Point, Ring

FOLDER = "load"
MACHINE, GPU, STAGE = "machine", "gpu", "stage"
COLUMNS: Mapping[str, tuple[str, ...]] = {
    MACHINE: ("cpu", "memory", "disk", "disk_free", "received", "sent", "load"),
    GPU: ("use", "memory", "temperature"),
    STAGE: ("cpu", "memory", "gpu", "gpu_memory", "progress"),
}
"""Percent for cpu, memory, disk and use; bytes for disk_free; bytes a second for received and sent; °C. Of a stage: CPU
in percent of one core, memory in bytes, its GPUs together in percent, its progress in percent."""
EVERY = 5.0
STAGES_EVERY = 10.0
"""Seconds between two looks at the machine, and at its stages."""
HOUR, DAY, MONTH = 3600.0, 86_400.0, 31 * 86_400.0
MINUTE = 60.0
MOST = 300
"""Points that a series has at most."""


class Record:
    """What is known of one thing's load. `kind` says which columns it has."""

    def __init__(self, folder: Path, kind: str, every: float = EVERY, wall: Callable[[], float] = time.time) -> None:
        self.columns, self.wall = COLUMNS[kind], wall
        self.fine = Ring(folder / "fine", len(self.columns), round(HOUR / every), every)
        self.minutes = Ring(folder / "minutes", len(self.columns), round(MONTH / MINUTE), MINUTE)
        self._minute: int | None = None

    def put(self, values: Mapping[str, float]) -> None:
        """OSError, where the disk does not take it. A minute that is over gets its mean, also one before a restart."""
        now = self.wall()
        minute = int(now // MINUTE)
        if self._minute is None:
            self._fold(self.fine.points(now - HOUR, now), minute)
        elif minute != self._minute:
            left = self._minute
            self._fold(self.fine.points(left * MINUTE, (left + 1) * MINUTE), minute)
        self._minute = minute
        self.fine.put(now, [values.get(name, math.nan) for name in self.columns])

    def _fold(self, points: Sequence[Point], running: int) -> None:
        """The mean of every minute that is over."""
        by_minute: dict[int, list[Point]] = {}
        for point in points:
            by_minute.setdefault(int(point.time // MINUTE), []).append(point)
        for minute, members in by_minute.items():
            if minute != running:
                self.minutes.put(minute * MINUTE, _mean(members))

    def newest(self) -> dict[str, float]:
        """What was measured within the last minute."""
        points = self.fine.points(self.wall() - MINUTE, self.wall())
        return _named(self.columns, points[-1].values) if points else {}

    def series(self, name: str, since: float, most: int = MOST) -> list[tuple[float, float]]:
        """(time, value), oldest first, at most `most`: means of equal parts of the time since then."""
        return self.all_series(since, most)[name]

    def all_series(
        self, since: float, most: int = MOST, until: float | None = None
    ) -> dict[str, list[tuple[float, float]]]:
        """Every column as `series` gives it, for one look at the file. Nothing is lost of what ended at `until`."""
        now = self.wall() if until is None else until
        since = max(since, now - MONTH)
        ring = self.fine if now - since <= self.fine.span + MINUTE else self.minutes  # an hour is asked for a bit later
        points = _thinned(ring.points(since, now), since, now, most)
        return {
            name: [(p.time, p.values[column]) for p in points if not math.isnan(p.values[column])]
            for column, name in enumerate(self.columns)
        }


def machine(data: Path) -> Record:
    return Record(data / FOLDER / MACHINE, MACHINE)


def gpu(data: Path, uuid: str) -> Record:
    """Of a UUID only what a file name may have."""
    return Record(data / FOLDER / f"gpu-{''.join(c for c in uuid if c.isalnum() or c in '-_')[:80]}", GPU)


def stage(directory: Path) -> Record:
    """`directory` is the container's."""
    return Record(directory / FOLDER, STAGE, every=STAGES_EVERY)


def _thinned(points: Sequence[Point], since: float, now: float, most: int) -> list[Point]:
    if len(points) <= most:
        return list(points)
    parts: dict[int, list[Point]] = {}
    for point in points:
        parts.setdefault(min(most - 1, int((point.time - since) / (now - since) * most)), []).append(point)
    return [Point(members[len(members) // 2].time, _mean(members)) for members in parts.values()]


def _mean(points: Sequence[Point]) -> tuple[float, ...]:
    columns = ([v for v in column if not math.isnan(v)] for column in zip(*(p.values for p in points), strict=True))
    return tuple(sum(column) / len(column) if column else math.nan for column in columns)


def _named(columns: Sequence[str], values: Sequence[float]) -> dict[str, float]:
    return {name: value for name, value in zip(columns, values, strict=True) if not math.isnan(value)}
