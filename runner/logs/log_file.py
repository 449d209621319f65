"""A stage's own log file: one line an output line, `<RFC 3339 UTC time> <O|E> <text>`, and what is made of it.

Whatever the program wrote, a line of the file ends at a line feed and nowhere else, and nothing here needs more memory
for a longer file.
"""

import os
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from blake3 import blake3

CAP = 64 * 1024 * 1024
"""Bytes after which a log stops growing."""
LONGEST = 16 * 1024
SUMMARY = 64 * 1024
PIECE = 1 << 20

_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
_STREAMS = ("O", "E", "W")


@dataclass(frozen=True, slots=True)
class LogLine:
    time: str
    stream: str  # O standard output, E standard error, W Winslow itself
    text: str


@dataclass(frozen=True, slots=True)
class Summary:
    """`text` is head and tail, clean, within the limit; the counts and the digest are those of the whole file."""

    text: str
    lines: int
    bytes: int
    digest: str | None


def stamp(seconds: float | None = None) -> str:
    moment = datetime.fromtimestamp(time.time() if seconds is None else seconds, UTC)
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def parse(raw: str) -> LogLine:
    head, _, rest = raw.partition(" ")
    stream, _, text = rest.partition(" ")
    if stream in _STREAMS and head[:1].isdigit():
        return LogLine(head, stream, text)
    return LogLine("", "O", raw)


def clean(text: str) -> str:
    """Without escape sequences, control and direction characters; what a carriage return overwrote is gone."""
    text = _ANSI.sub("", text.rstrip("\r"))
    return _CONTROL.sub("�", text.rpartition("\r")[2])


_SEEN: dict[str, tuple[tuple[int, int], float]] = {}  # by folder: how the log looked, and since when it looks so


def last_output(directory: Path) -> float | None:
    """When the log was first seen as it is now, on the boot-time clock: wall clocks jump, and files carry their time.

    A log that this process sees for the first time counts as just written.
    """
    try:
        written = (directory / "log").stat()
    except FileNotFoundError:
        _SEEN.pop(str(directory), None)
        return None
    if not written.st_size:
        return None
    look, known = (written.st_size, written.st_mtime_ns), _SEEN.get(str(directory))
    if known is None or known[0] != look:
        known = _SEEN[str(directory)] = (look, time.clock_gettime(time.CLOCK_BOOTTIME))
    return known[1]


def tail(path: Path, count: int, window: int = 256 * 1024) -> list[LogLine]:
    """The last lines, at most so many, from at most so many of the file's last bytes; only whole ones."""
    try:
        with path.open("rb") as file:
            start = max(0, file.seek(0, os.SEEK_END) - window - 1)
            file.seek(start)
            raw = file.read(window + 1)
    except FileNotFoundError:
        return []
    lines = raw.split(b"\n")[1 if start else 0 :]
    if lines and not lines[-1]:
        lines.pop()
    return [parse(line.decode(errors="replace")) for line in lines[-count:]] if count > 0 else []


def follow(
    path: Path, ended: Callable[[], bool], *, sleep: Callable[[float], None], every: float = 0.2
) -> Iterator[LogLine]:
    """Every line from the beginning, then new ones as they come, until `ended` and all is read."""
    rest = b""
    position = 0
    while True:
        over = ended()
        piece, position = _more(path, position)
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            yield parse(line.decode(errors="replace"))
        if over and not piece:
            if rest:
                yield parse(rest.decode(errors="replace"))
            return
        if not piece:
            sleep(every)


def _more(path: Path, position: int) -> tuple[bytes, int]:
    try:
        with path.open("rb") as file:
            file.seek(position)
            piece = file.read(PIECE)
            return piece, position + len(piece)
    except FileNotFoundError:
        return b"", position


def last_words(text: str, count: int = 12, longest: int = 200) -> tuple[str, ...]:
    """The last lines of a summary without their times, each cut where it is long."""
    lines = (
        [parse(line).text for line in text[-count * 4 * longest :].rstrip("\n").split("\n")[-count:]] if text else []
    )
    return tuple(line if len(line) <= longest else f"{line[: longest - 1]}…" for line in lines)


def summarise(path: Path, limit: int = SUMMARY) -> Summary:
    """Reads the file once, in pieces: a log of any size costs the same memory."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return Summary("", 0, 0, None)
    state, lines, size = blake3(), 0, 0
    head, last, half = b"", b"", limit // 2
    with file:
        while piece := file.read(PIECE):
            state.update(piece)
            size += len(piece)
            lines += piece.count(b"\n")
            head += piece[: half - len(head)]
            last = (last + piece)[-half:]
    return Summary(_condensed(head, last, size, limit), lines, size, f"blake3:{state.hexdigest()}")


def _condensed(head: bytes, last: bytes, size: int, limit: int) -> str:
    """Head and tail, each within its half also where cleaning made it longer; all of it, where it fits."""
    left_out = max(size - len(head) - len(last), 0)
    front, back = _readable(head).encode(), _readable(last).encode()
    if not left_out:
        front = back = _readable(head + last[len(head) + len(last) - size :]).encode()
        if len(front) <= limit:
            return front.decode()
    middle = f"\n… {left_out} bytes left out; the whole log is on the node …\n"
    room = (limit - len(middle.encode())) // 2
    return front[:room].decode(errors="ignore") + middle + back[-room:].decode(errors="ignore")


def _readable(raw: bytes) -> str:
    return "\n".join(clean(line) for line in raw.decode(errors="replace").split("\n"))
