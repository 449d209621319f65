"""Lines of a log of any size from any place in it, forwards and backwards, for a bounded number of bytes read."""

from dataclasses import dataclass

from runner.logs.log_source import LogSource

STEP = 256 * 1024
LONG = 2 * 1024 * 1024
"""Bytes read at once, and where no line ended in them. A line longer than that is given in pieces."""
KEPT = 8 * 1024
"""Bytes of a line that are given; the rest is only counted."""


@dataclass(frozen=True, slots=True)
class Raw:
    """One line as it is in the file: from `start` to `end`, the line end included."""

    start: int
    end: int
    content: bytes
    cut: int = 0  # bytes that are not in `content`
    begins: bool = True  # False: a later piece of a line
    open: bool = False  # its end is not there yet


def forward(source: LogSource, start: int, count: int, until: int | None = None) -> list[Raw]:
    """At most so many lines from a place on; the last may be open."""
    end = source.size() if until is None else until
    data = source.read(start, min(STEP, max(0, end - start)))
    if b"\n" not in data and start + len(data) < end:
        data = source.read(start, min(LONG, end - start))
    begins = start == 0 or source.read(start - 1, 1) == b"\n"
    return _lines(data, start, count, end, begins=begins)


def backward(source: LogSource, end: int, count: int) -> list[Raw]:
    """At most so many lines up to a place, oldest first. The place is where a line begins, or the end of all."""
    for most in (STEP, LONG):
        start = max(0, end - most)
        data = source.read(start, end - start)
        if start == 0:
            return _lines(data, 0, len(data), end, begins=True)[-count:]
        first = data.find(b"\n", 0, -1)
        if first >= 0:
            return _lines(data[first + 1 :], start + first + 1, len(data), end, begins=True)[-count:]
    return _lines(data, start, len(data), end, begins=False)[-count:]


def _lines(data: bytes, start: int, count: int, end: int, *, begins: bool) -> list[Raw]:
    found: list[Raw] = []
    at = 0
    while at < len(data) and len(found) < count:
        feed = data.find(b"\n", at)
        last = feed < 0
        stop = len(data) if last else feed + 1
        if last and found and start + stop < end:
            break  # its rest was not read
        body = data[at : stop if last else feed]
        found.append(
            Raw(
                start + at, start + stop, body[:KEPT], max(0, len(body) - KEPT),
                begins if at == 0 else True, last and start + stop >= end,
            )
        )  # fmt: skip
        at = stop
    return found
