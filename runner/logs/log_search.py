"""Looking for a text in a log of any size: read once from the beginning, with a bounded number of hits."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from runner.logs import log_file
from runner.logs.log_lines import KEPT, LONG, Raw, backward, forward
from runner.logs.log_source import LogSource

PIECE = 1 << 20
HITS = 200
AROUND = 2
"""Lines before and after a hit that are shown with it."""
LONGEST = 200
"""Signs that are looked for."""


@dataclass(frozen=True, slots=True)
class Hit:
    line: Raw
    number: int
    before: tuple[Raw, ...]
    after: tuple[Raw, ...]


def search(source: LogSource, text: str, *, any_case: bool = False, most: int = HITS) -> Iterator[Hit]:
    """At most so many lines that show the text; what only an escape sequence or a time holds is no hit."""
    text = text[:LONGEST]
    if not text:
        return
    find, shows = _finder(text, any_case), _shows(text, any_case)
    folds = any_case and text.isascii()
    found, number = 0, 1
    for start, data in _blocks(source):
        at = counted = 0
        folded = data.lower() if folds else data
        while (place := find(folded, at)) >= 0:
            begin = data.rfind(b"\n", 0, place) + 1
            feed = data.find(b"\n", place)
            end = len(data) if feed < 0 else feed
            number, counted = number + data.count(b"\n", counted, begin), begin
            if shows(data[begin : min(end, begin + LONG)]):
                yield _hit(source, start, data, begin, end, number)
                found += 1
                if found >= most:
                    return
            at = end + 1
        number += data.count(b"\n", counted)


def _blocks(source: LogSource) -> Iterator[tuple[int, bytes]]:
    """The log in pieces that end with a line, and where each begins."""
    at, rest, size = 0, b"", source.size()
    while at < size and (piece := source.read(at, min(PIECE, size - at))):
        start, at = at - len(rest), at + len(piece)
        end = piece.rfind(b"\n") + 1
        if end == 0 and at < size and len(rest) < LONG:
            rest += piece
            continue
        end = end or len(piece)
        if at >= size:
            end = len(piece)
        yield start, rest + piece[:end]
        rest = piece[end:]


def _hit(source: LogSource, start: int, data: bytes, begin: int, end: int, number: int) -> Hit:
    content = data[begin:end]
    stop = min(end + 1, len(data))
    raw = Raw(start + begin, start + stop, content[:KEPT], max(0, len(content) - KEPT))
    return Hit(raw, number, tuple(backward(source, raw.start, AROUND)), tuple(forward(source, raw.end, AROUND)))


def _finder(text: str, any_case: bool) -> Callable[[bytes, int], int]:
    """Where the text is in a piece of the log; one of ASCII in any case is looked for in the piece in small letters."""
    if not any_case or text.isascii():
        needle = (text.lower() if any_case else text).encode(errors="replace")
        return lambda data, at: data.find(needle, at)
    either = (b"(?:%s|%s)" % (re.escape(sign.lower().encode()), re.escape(sign.upper().encode())) for sign in text)
    pattern = re.compile(b"".join(either))

    def find(data: bytes, at: int) -> int:
        match = pattern.search(data, at)
        return match.start() if match else -1

    return find


def _shows(text: str, any_case: bool) -> Callable[[bytes], bool]:
    wanted = text.lower() if any_case else text

    def shows(line: bytes) -> bool:
        said = log_file.clean(log_file.parse(line.decode(errors="replace")).text)
        return wanted in (said.lower() if any_case else said)

    return shows
