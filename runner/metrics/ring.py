"""Numbers over time in a file of fixed size. A record's place follows from its time, so nothing else is to be kept.

Each record carries its time and a checksum: what a kill cut off, or is of an earlier round of the ring, is not read.
After a jump of the clock, records lie where their time says; those of the future are not shown, and overwritten later.
"""

import math
import os
import struct
import time
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

MAGIC = b"WNSLOAD1"
HEADER = struct.Struct("<8sIIdI")
"""Magic, columns, records, seconds between two, checksum."""


@dataclass(frozen=True, slots=True)
class Point:
    """NaN is what was not measured."""

    time: float
    values: tuple[float, ...]


class Ring:
    """The newest `records` records of `columns` numbers, one for every `period` seconds of the wall clock."""

    def __init__(self, path: Path, columns: int, records: int, period: float) -> None:
        self.path, self.columns, self.records, self.period = path, columns, records, period
        self.record = struct.Struct(f"<d{columns}fI")
        head = HEADER.pack(MAGIC, columns, records, period, 0)[:-4]
        self.header = head + struct.pack("<I", zlib.crc32(head))
        self.size = HEADER.size + records * self.record.size

    @property
    def span(self) -> float:
        """Seconds that it holds."""
        return self.records * self.period

    def put(self, moment: float, values: Sequence[float]) -> None:
        """OSError, where the disk does not take it."""
        body = self.record.pack(moment, *map(_fitting, values), 0)[:-4]
        handle = self._open()
        try:
            os.pwrite(handle, body + struct.pack("<I", zlib.crc32(body)), self._at(self._slot(moment)))
        finally:
            os.close(handle)

    def points(self, since: float, until: float | None = None) -> list[Point]:
        """Those from `since` to `until` or now, oldest first. Empty where there is no file, or not one of these."""
        until = time.time() if until is None else until
        first, last = math.floor(max(since, until - self.span + self.period) / self.period), self._number(until)
        if last < first:
            return []
        try:
            handle = os.open(self.path, os.O_RDONLY)
        except OSError:
            return []
        try:
            if not self._sound(handle):
                return []
            content = b"".join(self._pieces(handle, first, last))
        finally:
            os.close(handle)
        return [point for point in self._parsed(content) if since <= point.time <= until]

    def _pieces(self, handle: int, first: int, last: int) -> Iterator[bytes]:
        """The records from one to another: one piece of the file, or two where the ring closes."""
        start, count = first % self.records, min(last - first + 1, self.records)
        before_end = min(count, self.records - start)
        yield os.pread(handle, before_end * self.record.size, self._at(start))
        yield os.pread(handle, (count - before_end) * self.record.size, self._at(0))

    def _parsed(self, content: bytes) -> Iterator[Point]:
        size = self.record.size
        for offset in range(0, len(content) - size + 1, size):
            moment, *values, checksum = self.record.unpack_from(content, offset)
            if moment > 0 and zlib.crc32(content[offset : offset + size - 4]) == checksum:
                yield Point(moment, tuple(values))

    def _open(self) -> int:
        """A file that is not what it should be is begun anew."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            if not self._sound(handle):
                os.ftruncate(handle, 0)
                os.ftruncate(handle, self.size)
                os.pwrite(handle, self.header, 0)
        except OSError:
            os.close(handle)
            raise
        return handle

    def _sound(self, handle: int) -> bool:
        return os.fstat(handle).st_size == self.size and os.pread(handle, HEADER.size, 0) == self.header

    def _number(self, moment: float) -> int:
        return math.floor(moment / self.period)

    def _slot(self, moment: float) -> int:
        return self._number(moment) % self.records

    def _at(self, slot: int) -> int:
        return HEADER.size + slot * self.record.size


def _fitting(value: float) -> float:
    """What a 32-bit float can hold."""
    return value if abs(value) < 3e38 else math.nan
