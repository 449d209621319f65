"""A stage's own log file: one line an output line, `<RFC 3339 UTC time> <O|E> <text>`, and what is made of it."""

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

_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True, slots=True)
class Line:
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


def parse(raw: str) -> Line:
    head, _, rest = raw.partition(" ")
    stream, _, text = rest.partition(" ")
    if len(stream) == 1 and head[:1].isdigit():
        return Line(head, stream, text)
    return Line("", "O", raw)


def clean(text: str) -> str:
    """Without escape sequences, control and direction characters; what a carriage return overwrote is gone."""
    text = _ANSI.sub("", text.rstrip("\r"))
    return _CONTROL.sub("�", text.rpartition("\r")[2])


def tail(path: Path, count: int, window: int = 256 * 1024) -> list[Line]:
    """The last lines, from the file's last bytes."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - window))
            lines = file.read().decode(errors="replace").splitlines()
    except FileNotFoundError:
        return []
    return [parse(line) for line in lines[-count:]]


def follow(
    path: Path, ended: Callable[[], bool], *, sleep: Callable[[float], None], every: float = 0.2
) -> Iterator[Line]:
    """Every line from the beginning, then new ones as they come, until `ended` and all is read."""
    rest = b""
    position = 0
    while True:
        over = ended()
        piece, position = _more(path, position)
        rest += piece
        *whole, rest = rest.split(b"\n")
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
            piece = file.read(1 << 20)
            return piece, file.tell()
    except FileNotFoundError:
        return b"", position


def summarise(path: Path, limit: int = SUMMARY) -> Summary:
    """Reads the file once, in pieces: a log of any size costs the same memory."""
    if not path.is_file():
        return Summary("", 0, 0, None)
    state, lines, size = blake3(), 0, 0
    head, last = b"", b""
    half = limit // 2
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            state.update(piece)
            size += len(piece)
            lines += piece.count(b"\n")
            if len(head) < half:
                head += piece[: half - len(head)]
            last = (last + piece)[-half:]
    return Summary(_condensed(head, last, size, limit), lines, size, f"blake3:{state.hexdigest()}")


def _condensed(head: bytes, last: bytes, size: int, limit: int) -> str:
    if size <= len(head):
        text = _readable(head)
    else:
        overlap = max(0, len(head) + len(last) - size)
        left_out = size - len(head) - len(last) + overlap
        middle = f"\n… {left_out} bytes left out; the whole log is on the node …\n" if left_out > 0 else ""
        text = _readable(head) + middle + _readable(last[overlap:])
    encoded = text.encode()
    return text if len(encoded) <= limit else encoded[: limit - 64].decode(errors="ignore") + "\n… cut\n"


def _readable(raw: bytes) -> str:
    return "\n".join(clean(line) for line in raw.decode(errors="replace").split("\n"))
