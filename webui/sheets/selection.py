"""Rows that fit a filter, in the order of a column, as far as time goes. What is kept is bounded for any table."""

import heapq
import math
import operator
import re
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from webui.sheets.row_index import Until
from webui.sheets.sheet_form import LONGEST_CELL, SheetForm, records

MOST_ROWS = 10_000
"""Rows of a selection that can be looked at."""
LOOKS_AFTER = 256
"""Rows between two looks at the time."""
_COMPARED = re.compile(r"\s*(<=|>=|!=|=|<|>)\s*(\S+)\s*")
_SIGNS: dict[str, Callable[[float, float], bool]] = {
    "<=": operator.le, ">=": operator.ge, "!=": operator.ne, "=": operator.eq, "<": operator.lt, ">": operator.gt,
}  # fmt: skip
Row = tuple[int, int, list[str]]
"""Its number from 1 on, where it begins, its cells."""


@dataclass(frozen=True, slots=True)
class SheetQuestion:
    """`sort`: a column, -1 for the order of the file. `find` is a text, or `>= 3`, in one column or (-1) in any."""

    sort: int = -1
    down: bool = False
    find: str = ""
    within: int = -1

    @property
    def asks(self) -> bool:
        return self.sort >= 0 or bool(self.find.strip())


@dataclass(frozen=True, slots=True)
class SheetSelection:
    """`numbers` and `offsets` of rows, in order. `seen` rows were looked at; `whole`: these are all of the table."""

    numbers: "array[int]"
    offsets: "array[int]"
    fitting: int
    seen: int
    whole: bool


def select(file: BinaryIO, form: SheetForm, question: SheetQuestion, until: Until) -> SheetSelection:
    """As far as there is time."""
    seen = _Seen()
    fitting = _fitting(_rows(file, form, until, seen), _test(form, question), seen)
    if question.sort < 0:
        kept = [(number, begin) for _, (number, begin, _) in zip(range(MOST_ROWS), fitting, strict=False)]
    else:
        keyed = ((_key(form, cells, question), number, begin) for number, begin, cells in fitting)
        kept = [(number, begin) for _, number, begin in heapq.nsmallest(MOST_ROWS, _directed(keyed, question.down))]
    return SheetSelection(
        array("Q", [number for number, _ in kept]),
        array("Q", [begin for _, begin in kept]),
        seen.fitting,
        seen.rows,
        seen.whole,
    )


@dataclass(slots=True)
class _Seen:
    rows: int = 0
    fitting: int = 0
    whole: bool = False


def _rows(file: BinaryIO, form: SheetForm, until: Until, seen: _Seen) -> Iterator[Row]:
    found = records(file, form.begins, form)
    next(found, None)
    for number, (begin, record) in enumerate(found, 1):
        if number % LOOKS_AFTER == 0 and not until():
            return
        seen.rows = number
        yield number, begin, form.parts(record)
    seen.whole = True


def _fitting(rows: Iterator[Row], test: Callable[[list[str]], bool], seen: _Seen) -> Iterator[Row]:
    for row in rows:
        if test(row[2]):
            seen.fitting += 1
            yield row


def _test(form: SheetForm, question: SheetQuestion) -> Callable[[list[str]], bool]:
    said, within = question.find.strip(), question.within
    match = _COMPARED.fullmatch(said)
    limit = form.number(match[2]) if match else None
    if match and limit is not None:
        compare, least = _SIGNS[match[1]], limit

        def compared(cells: list[str]) -> bool:
            numbers = map(form.number, _among(cells, within))
            return any(each is not None and compare(each, least) for each in numbers)

        return compared
    wanted = said.casefold()
    return lambda cells: any(wanted in cell.casefold() for cell in _among(cells, within))


def _among(cells: list[str], within: int) -> list[str]:
    return cells if within < 0 else cells[within : within + 1]


Key = tuple[int, float, str]


def _key(form: SheetForm, cells: list[str], question: SheetQuestion) -> Key:
    """Numbers come first, then words; what is empty or no number (NaN) comes last, in both directions."""
    cell = cells[question.sort] if question.sort < len(cells) else ""
    number = form.number(cell)
    cell = cell.strip()[:LONGEST_CELL]  # as much as is shown: keys are kept, thousands of them
    if number is not None:
        return 0, number, ""
    blank = not cell or cell.casefold() in ("nan", "na", "null", "inf", "-inf")
    return (2, math.inf, "") if blank else (1, 0.0, cell.casefold())


def _directed(keyed: Iterator[tuple[Key, int, int]], down: bool) -> Iterator[tuple[object, int, int]]:
    if not down:
        yield from keyed
        return
    for (kind, number, word), row, begin in keyed:
        yield (kind, -number, _Backwards(word)), row, begin


class _Backwards(str):
    """A word that comes after those it comes before."""

    __slots__ = ()

    def __lt__(self, other: str) -> bool:
        return str.__gt__(self, other)
