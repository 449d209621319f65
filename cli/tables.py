"""Rows for people. A word is never broken: on a terminal the last column is cut, in a pipe a row is one whole line."""

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

GAP = 2
LEAST = 12
"""So many characters are left of a column that is cut, where there are so many."""
NOTHING = "-"
"""An empty cell in a pipe, so that what follows stands in the same column of every row."""


def print_table(heads: Sequence[str], rows: Sequence[Sequence[str]], *, whole: bool) -> None:
    """Cells are rich markup. `whole` cuts nothing, also on a terminal."""
    if sys.stdout.isatty():
        _on_terminal(heads, rows, whole)
    else:
        _in_pipe(heads, rows)


BLOCK = 1000
"""Rows of a long list whose columns are made equally wide, before they are printed."""


def print_long(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> bool:
    """Cells are plain text without control characters. Each block is printed as it comes; whether there was a row."""
    waiting, widths = iter(rows), [0] * len(heads)
    room = terminal_size() if sys.stdout.isatty() else 0
    block: list[Sequence[str]] = list(islice(waiting, BLOCK))
    if not block:
        return False
    lines: Iterator[Sequence[str]] = chain([heads], block)
    while block:
        table = [[cell or NOTHING for cell in row] for row in lines]
        widths = [max(width, *(_cells(row[at]) for row in table)) for at, width in enumerate(widths)]
        cut = fitted(widths, room) if room else widths
        sys.stdout.write("".join(f"{_line(row, cut, cuts=bool(room))}\n" for row in table))
        block = list(islice(waiting, BLOCK))
        lines = iter(block)
    return True


def _line(row: Sequence[str], widths: Sequence[int], *, cuts: bool) -> str:
    cells = (_fit(cell, width) if cuts else cell for cell, width in zip(row, widths, strict=True))
    padded = (cell + " " * (width - _cells(cell)) for cell, width in zip(cells, widths, strict=True))
    return (" " * GAP).join(padded).rstrip()


def _fit(cell: str, width: int) -> str:
    from rich.cells import set_cell_size

    return cell if _cells(cell) <= width else set_cell_size(cell, max(0, width - 1)) + "…"


def _in_pipe(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.text import Text

    plain = [[", ".join(Text.from_markup(cell).plain.split("\n")).strip() or NOTHING for cell in row] for row in rows]
    table = [[head or NOTHING for head in heads], *plain]
    widths = [max(_cells(row[at]) for row in table) for at in range(len(heads))]
    for row in table:
        print(
            (" " * GAP)
            .join(cell + " " * (width - _cells(cell)) for cell, width in zip(row, widths, strict=True))
            .rstrip()
        )


def _cells(text: str) -> int:
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def _on_terminal(heads: Sequence[str], rows: Sequence[Sequence[str]], whole: bool) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, soft_wrap=True)
    table = [[Text.from_markup(cell) for cell in row] for row in rows]
    kept = [at for at in range(len(heads)) if whole or any(row[at].plain.strip() for row in table)]
    table = [[Text(heads[at], "bold") for at in kept], *([row[at] for at in kept] for row in table)]
    widths = [max(line.cell_len for row in table for line in row[at].split("\n")) for at in range(len(kept))]
    if not whole:
        widths = fitted(widths, terminal_width(console))
    for row in table:
        _print_row(console, row, widths)


def terminal_width(console: "Console") -> int:
    return terminal_size() or console.width


def terminal_size() -> int:
    """How many columns the terminal has; 0 where it does not say."""
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns
    except (OSError, ValueError):
        return 0


def fitted(widths: Sequence[int], room: int) -> list[int]:
    """The last column gives way first, then the widest of the others; none below what is left of a column."""
    found = list(widths)
    over = sum(found) + GAP * (len(found) - 1) - room
    if over > 0:
        over = _shrink(found, len(found) - 1, over, LEAST)
    while over > 0:
        widest = max(range(len(found)), key=lambda at: found[at])
        if found[widest] <= LEAST:
            break
        over = _shrink(found, widest, over, max(LEAST, _next_widest(found, widest)))
    return found


def _next_widest(widths: Sequence[int], but: int) -> int:
    """One less than the next, so that columns of one width give way in turn."""
    others = [width for at, width in enumerate(widths) if at != but]
    return min(max(others, default=0), widths[but]) - 1


def _shrink(widths: list[int], at: int, over: int, least: int) -> int:
    """What is still over."""
    taken = min(over, max(0, widths[at] - least))
    widths[at] -= taken
    return over - taken


def _print_row(console: "Console", row: "Sequence[Text]", widths: Sequence[int]) -> None:
    """A cell of several lines, as the GPUs of a node, goes on in the lines below."""
    from rich.text import Text

    parts = [cell.split("\n") for cell in row]
    for number in range(max(len(lines) for lines in parts)):
        line = Text()
        for lines, width in zip(parts, widths, strict=True):
            piece = lines[number].copy() if number < len(lines) else Text()
            piece.truncate(width, overflow="ellipsis", pad=True)
            line.append_text(piece).append(" " * GAP)
        line.rstrip()
        console.print(line, soft_wrap=True, no_wrap=True, overflow="ignore", crop=True)
