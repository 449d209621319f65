"""How a table is written, told by its beginning: encoding, what stands between cells, what a decimal comma means."""

import codecs
import csv
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from runner.logs.log_file import clean

BEGINNING = 64 * 1024
"""Bytes that the form is told by."""
BLOCK = 256 * 1024
LONGEST = 64 * 1024
"""Bytes of one record. What is longer ends there: an open quote must not make one record of a whole file."""
MOST_COLUMNS, LONGEST_CELL = 200, 200
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


@dataclass(frozen=True, slots=True)
class SheetForm:
    """`begins`: bytes before the first record. `quoted`: whether a quote at the edge of a cell means anything."""

    encoding: str = "utf-8"
    begins: int = 0
    between: str = ","
    quoted: bool = False

    @property
    def unit(self) -> int:
        return 1 if self.encoding == "utf-8" else 2

    @property
    def newline(self) -> bytes:
        return "\n".encode(self.encoding)

    @property
    def quote(self) -> bytes:
        """What may hold the end of a line inside a cell; in UTF-16 a record is a line."""
        return b'"' if self.quoted and self.unit == 1 else b""

    def parts(self, record: bytes) -> list[str]:
        """The cells of one record as they stand there."""
        text = record.decode(self.encoding, "replace").rstrip("\r\n")
        if not self.quoted or '"' not in text:
            return text.split(self.between)
        try:
            return next(csv.reader([text], delimiter=self.between), [])
        except csv.Error:
            return text.split(self.between)

    def cells(self, record: bytes) -> list[str]:
        """To be shown: bounded, without control characters."""
        return [clean(cell[:LONGEST_CELL]) for cell in self.parts(record)[:MOST_COLUMNS]]

    def number(self, cell: str) -> float | None:
        """Where cells are not parted by a comma, that is the decimal point of many languages. None for NaN too."""
        try:
            found = float(cell if self.between == "," else cell.replace(",", ".", 1))
        except ValueError:
            return None
        return found if math.isfinite(found) and abs(found) < 1e150 else None


def form_of(beginning: bytes, path: str = "") -> SheetForm | None:
    """None for what is no text."""
    encoding, begins = next(((name, len(mark)) for mark, name in _MARKS if beginning.startswith(mark)), ("utf-8", 0))
    text = beginning[begins:BEGINNING].decode(encoding, "replace")
    if "\0" in text:
        return None
    head = text.partition("\n")[0]
    between = "\t" if path.lower().endswith(".tsv") else max(";\t,", key=head.count)
    quoted = re.search(f'(?:^|[\n{re.escape(between)}])"', text) is not None
    return SheetForm(encoding, begins, between, quoted)


def records(file: BinaryIO, at: int, form: SheetForm) -> Iterator[tuple[int, bytes]]:
    """Where each record begins, and its bytes with the end of its line, from `at` on, which begins one."""
    file.seek(at)
    rest, newline, unit, quote = b"", form.newline, form.unit, form.quote
    while block := file.read(BLOCK):
        data, begin = rest + block, 0
        while (end := _end(data, begin, newline, unit, quote)) >= 0:
            yield at + begin, data[begin:end]
            begin = end
        rest, at = data[begin:], at + begin
    if rest:
        yield at, rest


def _end(data: bytes, begin: int, newline: bytes, unit: int, quote: bytes) -> int:
    """After the record that begins there; -1 where it goes on beyond the data."""
    search, quotes, counted = begin, 0, begin
    while (found := data.find(newline, search)) >= 0:
        if (found - begin) % unit:
            search = found + 1
            continue
        if quote:
            quotes += data.count(quote, counted, found)
        counted = search = found + unit
        if quotes % 2 == 0 or search - begin > LONGEST:
            return search
    return begin + LONGEST if len(data) - begin > LONGEST else -1
