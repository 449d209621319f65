"""Lists of very many rows: the same text as of a short one, and printed as they come."""

import contextlib
import io
import json
from collections.abc import Iterator
from unittest.mock import patch

import pytest

from cli import output, tables
from cli.settings import CURRENT

HEADS = ("EXEC", "PATH")
ROWS: list[dict[str, object]] = [
    {"execution": number, "path": f"frames/{'é' * number}.jpg", "digest": None} for number in range(3)
]


def cells(row: dict[str, object]) -> list[str]:
    return [str(row["execution"]), output.plain_cell(row["path"])]


def said(form: str, rows: list[dict[str, object]], *, long: bool) -> str:
    out = io.StringIO()
    with contextlib.redirect_stdout(out), patch.object(CURRENT, "output", form):
        if long:
            output.long_list(iter(rows), HEADS, cells, empty="no files", name="path")
        elif not output.for_programs(rows, "path"):
            output.table(HEADS, [cells(row) for row in rows], empty="no files")
    return out.getvalue()


@pytest.mark.parametrize("form", output.FORMS)
@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_long_list_is_written_as_a_short_one(form: str, count: int) -> None:
    assert said(form, ROWS[:count], long=True) == said(form, ROWS[:count], long=False)


@pytest.mark.parametrize("form", ["table", "json", "csv", "name"])
def test_rows_are_printed_as_they_come(form: str) -> None:
    out, seen = io.StringIO(), []

    def coming() -> Iterator[dict[str, object]]:
        for number in range(3 * tables.BLOCK):
            seen.append(len(out.getvalue()))
            yield {"execution": number, "path": f"frames/{number}.jpg"}

    with contextlib.redirect_stdout(out), patch.object(CURRENT, "output", form):
        output.long_list(coming(), HEADS, cells)
    assert 0 < seen[2 * tables.BLOCK] < seen[-1] + 1 <= len(out.getvalue())
    if form == "json":
        assert len(json.loads(out.getvalue())) == 3 * tables.BLOCK


def test_on_a_terminal_long_cells_are_cut_and_columns_stay() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    out = Terminal()
    rows = [[str(number), "x" * 60, "日本" * 20] for number in range(tables.BLOCK + 5)]
    with contextlib.redirect_stdout(out), patch.object(tables, "terminal_size", lambda: 60):
        assert tables.print_long(("N", "PATH", "DIGEST"), rows)
    assert max(tables._cells(line) for line in out.getvalue().splitlines()) <= 60


def test_S6_what_files_are_called_moves_no_cursor() -> None:
    assert output.plain_cell("a\x1b[31m\u202eb\nc") == "a�b c"
    assert output.plain_cell("x" * 300) == "x" * 199 + "…"
