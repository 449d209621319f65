"""A table as a page asks for it: a window of rows, a few columns as lines. What was found out is kept for a while."""

import io
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import BinaryIO

from webui.sheets.row_index import RowIndex
from webui.sheets.selection import MOST_ROWS, SheetQuestion, SheetSelection, select
from webui.sheets.sheet_form import BEGINNING, SheetForm, form_of, records

PATIENCE = 0.5
"""Seconds for which rows are counted before an answer; the next one goes on from there."""
SEARCHES = 6.0
"""Seconds for a sorting or a filter."""
BUSY = "others search in this table; it is asked for again in a moment"
WINDOW = 200
SHEETS, SELECTIONS = 32, 4
MOST_POINTS = 2000
Line = list[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class SheetWindow:
    """`rows` have their number in the file before them. `total` rows can be looked at; `note` says what is left out."""

    heads: tuple[str, ...]
    first: int
    rows: tuple[tuple[int, tuple[str, ...]], ...]
    total: int
    whole: bool
    note: str = ""


class _Time:
    def __init__(self, seconds: float, now: Callable[[], float] = time.monotonic) -> None:
        self.ends, self.now = now() + seconds, now

    def __call__(self) -> bool:
        return self.now() < self.ends


@dataclass(slots=True)
class Sheet:
    """Of one content. Every answer is given the file anew, as nothing is kept open."""

    form: SheetForm
    index: RowIndex
    heads: tuple[str, ...]
    selections: OrderedDict[SheetQuestion, SheetSelection] = field(default_factory=OrderedDict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def window(self, file: BinaryIO, at: int, question: SheetQuestion, count: int = WINDOW) -> SheetWindow:
        """Rows from number `at` on, which counts from 0 in the order that is asked for."""
        return self._chosen(file, at, question, count) if question.asks else self._plain(file, at, count)

    def _plain(self, file: BinaryIO, at: int, count: int) -> SheetWindow:
        self.index.extend(file, None, _Time(PATIENCE))
        if self.index.torn:  # a quote that nothing closes means nothing
            self.form = replace(self.form, quoted=False)
            self.index = RowIndex(self.form, self.index.size)
            self.index.extend(file, None, _Time(PATIENCE))
        total = max(0, self.index.rows - 1)
        at = max(0, min(at, total - 1))
        begin = self.index.offset_of(file, at + 1)
        found = zip(range(min(count, total - at)), records(file, begin, self.form), strict=False) if begin else ()
        rows = tuple((at + n + 1, tuple(self.form.cells(record))) for n, (_, record) in found)
        note = "" if self.index.complete else f"at least {total} rows; the rest is still being counted"
        return SheetWindow(self.heads, at, rows, total, self.index.complete, note)

    def _chosen(self, file: BinaryIO, at: int, question: SheetQuestion, count: int) -> SheetWindow:
        found = self._selection(file, question)
        if found is None:
            return SheetWindow(self.heads, 0, (), 0, False, BUSY)
        total = len(found.offsets)
        at = max(0, min(at, total - 1))
        places = zip(found.numbers[at : at + count], found.offsets[at : at + count], strict=True)
        rows = tuple((number, self._row(file, begin)) for number, begin in places)
        return SheetWindow(self.heads, at, rows, total, found.whole, _left_out(found, total, question))

    def _row(self, file: BinaryIO, begin: int) -> tuple[str, ...]:
        return tuple(next((self.form.cells(record) for _, record in records(file, begin, self.form)), ()))

    def _selection(self, file: BinaryIO, question: SheetQuestion) -> SheetSelection | None:
        """One at a time. Who asks the same meanwhile waits for it; None for who has waited for as long as one takes."""
        if not self.lock.acquire(timeout=SEARCHES):
            return None
        try:
            found = self.selections.pop(question, None) or select(file, self.form, question, _Time(SEARCHES))
            self.selections[question] = found
            while len(self.selections) > SELECTIONS:
                self.selections.popitem(last=False)
            return found
        finally:
            self.lock.release()

    def lines(
        self, file: BinaryIO, across: int, up: tuple[int, ...], seconds: float = SEARCHES
    ) -> tuple[list[Line], bool]:
        """A line for each column of `up`, thinned evenly, and whether all rows were seen. `across` -1: rows count."""
        found, step, until = list[tuple[float, list[float | None]]](), 1, _Time(seconds)
        rows = records(file, self.form.begins, self.form)
        next(rows, None)
        for number, (_, record) in enumerate(rows):
            if number % 256 == 0 and not until():
                return _drawn(found, len(up)), False
            if number % step:
                continue
            cells = self.form.parts(record)
            place = self._number(cells, across) if across >= 0 else float(number)
            if place is not None:
                found.append((place, [self._number(cells, column) for column in up]))
            if len(found) >= 2 * MOST_POINTS:
                found, step = found[::2], step * 2
        return _drawn(found, len(up)), True

    def _number(self, cells: list[str], column: int) -> float | None:
        return self.form.number(cells[column]) if column < len(cells) else None


def _left_out(found: SheetSelection, total: int, question: SheetQuestion) -> str:
    if question.sort < 0 and total == MOST_ROWS:
        return f"the first {total} that fit"
    told = [f"the first {total} of {found.fitting}"] if found.fitting > total else []
    if not found.whole:
        told.append(f"of the first {found.seen} rows only: the rest would take too long")
    return "; ".join(told)


def _drawn(found: list[tuple[float, list[float | None]]], count: int) -> list[Line]:
    return [[(x, y) for x, ys in found if (y := ys[n]) is not None] for n in range(count)]


class Sheets:
    """Those that were looked at last, by their content."""

    def __init__(self) -> None:
        self._known: OrderedDict[object, Sheet] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, file: BinaryIO, path: str) -> Sheet | None:
        """None for what is no table."""
        key = _identity(file)
        with self._lock:
            found = self._known.pop(key, None)
        found = found or _read(file, path)
        if found is not None:
            with self._lock:
                self._known[key] = found
                while len(self._known) > SHEETS:
                    self._known.popitem(last=False)
        return found

    def beginning(self, content: bytes, path: str) -> Sheet | None:
        """Of bytes that are all there is; kept nowhere."""
        return _read(io.BytesIO(content), path)


def _identity(file: BinaryIO) -> object:
    known = os.fstat(file.fileno())
    return known.st_dev, known.st_ino, known.st_size, known.st_mtime_ns


def _read(file: BinaryIO, path: str) -> Sheet | None:
    file.seek(0)
    form = form_of(file.read(BEGINNING), path)
    if form is None:
        return None
    size = file.seek(0, os.SEEK_END)
    _, head = next(records(file, form.begins, form), (0, b""))
    return Sheet(form, RowIndex(form, size), tuple(form.cells(head)))
