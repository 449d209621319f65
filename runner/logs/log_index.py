"""Which line is where: line ends are counted once, and the count kept for every so many bytes."""

import threading
from array import array
from bisect import bisect_left
from collections import OrderedDict

from runner.logs.log_source import LogSource

STRIDE = 256 * 1024
MOST = 16 * 1024
"""Counts that are kept of one log; of a longer one, for every second place."""
LOGS = 64
"""Logs of which they are kept."""


class LineIndex:
    """Counts as far as it was asked, at most once. Lines have numbers from 1 on."""

    def __init__(self, source: LogSource, stride: int = STRIDE, most: int = MOST) -> None:
        self.source, self.stride, self.most = source, stride, most
        self._counts = array("Q", [0])  # line ends before each place
        self._lock = threading.Lock()

    @property
    def counted(self) -> int:
        """Bytes."""
        return (len(self._counts) - 1) * self.stride

    def number_at(self, offset: int) -> int:
        """Of the line that begins there, or that this byte belongs to."""
        with self._lock:
            place = min(self._extend(offset, None), offset // self.stride)
            before = place * self.stride
            return self._counts[place] + self.source.read(before, offset - before).count(b"\n") + 1

    def offset_of(self, line: int) -> int | None:
        """Where a line begins; None where there are fewer."""
        if line <= 1:
            return 0
        with self._lock:
            self._extend(self.source.size(), line)
            place = max(0, bisect_left(self._counts, line - 1) - 1)
            at, left = place * self.stride, line - 1 - self._counts[place]
            while data := self.source.read(at, self.stride):
                ends = data.count(b"\n")
                if ends >= left:
                    return at + _nth(data, left) + 1
                at, left = at + len(data), left - ends
        return None

    def _extend(self, offset: int, line: int | None) -> int:
        """Count up to a place, or until there are so many lines. The number of the last place that is known."""
        if self.counted > self.source.size():
            self._counts = array("Q", [0])
        while self.counted + self.stride <= offset and (line is None or self._counts[-1] < line):
            data = self.source.read(self.counted, self.stride)
            if len(data) < self.stride:
                break
            self._counts.append(self._counts[-1] + data.count(b"\n"))
            if len(self._counts) > self.most:
                self._counts, self.stride = self._counts[::2], self.stride * 2
        return len(self._counts) - 1


class Indexes:
    """Of the logs that were looked at last."""

    def __init__(self, most: int = LOGS) -> None:
        self.most = most
        self._known: OrderedDict[str, LineIndex] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, source: LogSource) -> LineIndex:
        with self._lock:
            found = self._known.pop(source.key, None) or LineIndex(source)
            self._known[source.key] = found
            while len(self._known) > self.most:
                self._known.popitem(last=False)
            return found


def _nth(data: bytes, count: int) -> int:
    """Where the line end of that number is."""
    at = -1
    for _ in range(count):
        at = data.index(b"\n", at + 1)
    return at
