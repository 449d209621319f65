"""Parts of a log as they are shown: lines with their numbers, and between them what the system did, by time."""

import math
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from markupsafe import Markup

from runner.logs import log_file
from runner.logs.log_index import Indexes
from runner.logs.log_lines import Raw, backward, forward
from runner.logs.log_source import LogSource
from webui.logs.log_rows import LogEvent, rows
from webui.logs.logbook import NEAR, Logbook

LINES = 400
BEFORE = 40
"""Lines above one that was asked for by its number."""
LAST = 20
"""Lines in which the last words are looked for."""


@dataclass(frozen=True, slots=True)
class LogPart:
    """From `start` to `end` of the log; `seen` events are told up to its end; `number` is that of its first line."""

    rows: Markup
    start: int
    end: int
    seen: int
    number: int | None
    last: bool

    @property
    def next(self) -> str:
        """From where on a stream goes on."""
        return f"{self.end}-{self.seen}"


def last_words(book: Logbook) -> Markup:
    """The last line that is not empty, of the last few: where a program failed, mostly why."""
    for raw in reversed(backward(book.source, book.source.size(), LAST)):
        if log_file.parse(raw.content.decode(errors="replace")).text.strip():
            return rows([raw], None, places=False)
    return Markup("")


class Numbers:
    """Numbers of lines. What takes long is counted beside, once."""

    def __init__(self) -> None:
        self.indexes = Indexes()
        self._counting: set[str] = set()

    def at(self, source: LogSource, offset: int, near: int = NEAR, *, wait: bool = False) -> int | None:
        index = self.indexes.of(source)
        if wait or offset - index.counted <= near:
            return index.number_at(offset)
        if source.key not in self._counting:
            self._counting.add(source.key)
            threading.Thread(target=self._count, args=(source, offset), name="count", daemon=True).start()
        return None

    def _count(self, source: LogSource, offset: int) -> None:
        try:
            self.indexes.of(source).number_at(offset)
        except OSError:
            pass
        finally:
            self._counting.discard(source.key)

    def offset(self, source: LogSource, line: int) -> int | None:
        return self.indexes.of(source).offset_of(line)


class LogParts:
    def __init__(self, numbers: Numbers) -> None:
        self.numbers = numbers

    def tail(self, book: Logbook) -> LogPart:
        size = book.source.size()
        return self._part(book, backward(book.source, size, LINES), size)

    def before(self, book: Logbook, offset: int) -> LogPart:
        """What ends where a line begins."""
        offset = min(max(0, offset), book.source.size())
        return self._part(book, backward(book.source, offset, LINES) if offset else [], offset)

    def after(self, book: Logbook, offset: int) -> LogPart:
        offset = min(max(0, offset), book.source.size())
        return self._part(book, forward(book.source, offset, LINES), offset)

    def around(self, book: Logbook, line: int) -> LogPart:
        """With some lines above it; the end, where there are not so many."""
        offset = self.numbers.offset(book.source, line)
        if offset is None:
            return self.tail(book)
        above = backward(book.source, offset, BEFORE) if offset else []
        return self.after(book, above[0].start if above else offset)

    def _part(self, book: Logbook, raws: list[Raw], where: int) -> LogPart:
        if raws and raws[-1].open and book.live:
            where = raws.pop().start
        start, end = (raws[0].start, raws[-1].end) if raws else (where, where)
        last = end >= book.source.size() or (book.live and not _whole_line(book.source, end))
        told = _within(book, raws, start, end, last=last)
        number = self.numbers.at(book.source, start, book.near)
        return LogPart(rows(merged(raws, told), number), start, end, len(book.events) if last else 0, number, last)


def merged(raws: Sequence[Raw], events: Sequence[LogEvent]) -> Iterator[Raw | LogEvent]:
    """Each event before the first line that is later."""
    waiting = list(events)
    for raw in raws:
        moment = line_time(raw) if waiting else math.nan
        while waiting and seconds(waiting[0].time) < moment:
            yield waiting.pop(0)
        yield raw
    yield from waiting


def _within(book: Logbook, raws: Sequence[Raw], start: int, end: int, *, last: bool) -> list[LogEvent]:
    """The events from the first line of a part to the first of the next, so that each is in one part."""
    low = line_time(raws[0]) if raws and start else -math.inf
    following = [] if last else forward(book.source, end, 1)
    high = line_time(following[0]) if following else math.inf
    low = -math.inf if math.isnan(low) and last else low
    return [event for event in book.events if low <= seconds(event.time) < high]


def _whole_line(source: LogSource, offset: int) -> bool:
    found = forward(source, offset, 1)
    return bool(found) and not found[0].open


def line_time(raw: Raw) -> float:
    return seconds(log_file.parse(raw.content[:64].decode(errors="replace")).time) if raw.begins else math.nan


def seconds(text: str) -> float:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return math.nan
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
