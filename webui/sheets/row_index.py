"""Which row begins where: rows are counted once, a block at a time, and the count before each block is kept.

Memory grows by ten bytes for each block of the file, so a table of 5 GB takes some 200 KB.
"""

import threading
from array import array
from bisect import bisect_right
from collections.abc import Callable
from typing import BinaryIO

from webui.sheets.sheet_form import BLOCK, SheetForm, records

_OTHERS = bytes(set(range(256)) - {10, 34})
Until = Callable[[], bool]
"""Whether there is time left."""


class RowIndex:
    """Counts as far as it was asked while there is time. Row 0 is the heading."""

    def __init__(self, form: SheetForm, size: int) -> None:
        self.form, self.size = form, size
        self._rows = array("Q", [0])  # ends of rows before each block
        self._open = bytearray([0])  # whether a quote is open where it begins
        self._lock = threading.Lock()
        self._last = b""

    @property
    def counted(self) -> int:
        """Bytes."""
        return min(self.size, self.form.begins + (len(self._rows) - 1) * BLOCK)

    @property
    def complete(self) -> bool:
        return self.counted >= self.size

    @property
    def rows(self) -> int:
        """Rows that are known so far, the heading among them; the last may lack the end of its line."""
        unended = self.complete and self.size > self.form.begins and not self._last.endswith(self.form.newline)
        return self._rows[-1] + int(unended)

    @property
    def torn(self) -> bool:
        """Whether a quote is open at the end of the file."""
        return self.complete and bool(self._open[-1])

    def extend(self, file: BinaryIO, row: int | None, until: Until) -> None:
        """Count until a row is known, or all are for None, or time is up."""
        with self._lock:
            while not self.complete and (row is None or self._rows[-1] <= row) and until():
                file.seek(self.counted)
                block = file.read(BLOCK)
                if not block:
                    self.size = self.counted
                    return
                ends, opened = self._ends(block, bool(self._open[-1]))
                self._rows.append(self._rows[-1] + ends)
                self._open.append(opened)
                self._last = block[-2:]

    def offset_of(self, file: BinaryIO, row: int) -> int | None:
        """Where a row begins; None where there are fewer, as far as was counted."""
        if row <= 0:
            return self.form.begins
        if row >= self.rows:
            return None
        place = min(max(0, bisect_right(self._rows, row - 1) - 1), len(self._rows) - 1)
        left = row - self._rows[place]
        at = self.form.begins + place * BLOCK
        if place == 0:
            return next((begin for n, (begin, _) in enumerate(records(file, at, self.form)) if n == left), None)
        # The end of the first whole row of a block is where the next one begins.
        begin = _next_row(file, at, self.form, bool(self._open[place]))
        found = enumerate(records(file, begin, self.form)) if begin is not None else ()
        return next((begins for n, (begins, _) in found if n == left - 1), None)

    def _ends(self, block: bytes, inside: bool) -> tuple[int, bool]:
        """Ends of rows in a block, and whether a quote is open behind it."""
        quote = self.form.quote
        if not quote:
            return _newlines(block, self.form), False
        # Two quotes with neither a quote nor an end of a line between them change nothing of what is open elsewhere.
        pieces = block.translate(None, _OTHERS).replace(quote * 2, b"").split(quote)
        outside = pieces[1::2] if inside else pieces[::2]
        return sum(piece.count(b"\n") for piece in outside), inside ^ (len(pieces) % 2 == 0)


def _newlines(data: bytes, form: SheetForm) -> int:
    if form.unit == 1:
        return data.count(b"\n")
    return memoryview(data[: len(data) // 2 * 2]).cast("H").tolist().count(_unit(form))


def _unit(form: SheetForm) -> int:
    return memoryview(form.newline).cast("H")[0]


def _next_row(file: BinaryIO, at: int, form: SheetForm, inside: bool) -> int | None:
    """After the first end of a row at or behind `at`."""
    file.seek(at)
    while block := file.read(BLOCK):
        for begin in range(0, len(block) - form.unit + 1, form.unit):
            sign = block[begin : begin + form.unit]
            if form.quote and sign[:1] == form.quote:
                inside = not inside
            elif sign == form.newline and not inside:
                return at + begin + form.unit
        at += len(block)
    return None
