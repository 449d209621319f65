"""Tables never break a word: at 80 columns, in a pipe, with long names."""

import contextlib
import io
import re
from pathlib import Path
from unittest.mock import patch

import pytest
from rich.text import Text

from cli import output, tables
from cli.settings import CURRENT

LONG = "a-project-with-the-longest-name-that-is-allowed-" + "x" * 15
HEADS = ("PROJECT", "STATE", "NODE", "REASON")
ROWS = [
    [LONG, output.state_word("running"), "", ""],
    ["short", output.state_word("failed"), "gpu-01", "ExitCode: it ended with 1 " + "and more words " * 20],
    ["wide-日本語の名前", output.state_word("new"), "gpu-02", "NotStarted"],
]


def piped(heads: tuple[str, ...] = HEADS, rows: list[list[str]] = ROWS) -> list[str]:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        tables.print_table(heads, rows, whole=False)
    return out.getvalue().splitlines()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def on_terminal(columns: int, *, whole: bool = False, rows: list[list[str]] = ROWS) -> list[str]:
    out = Terminal()
    with contextlib.redirect_stdout(out), patch.object(tables, "terminal_width", lambda console: columns):
        tables.print_table(HEADS, rows, whole=whole)
    return [Text.from_ansi(line).plain.rstrip() for line in out.getvalue().splitlines()]


def test_N4_in_a_pipe_a_row_is_one_line_with_the_same_columns_in_every_row() -> None:
    lines = piped()
    assert len(lines) == 1 + len(ROWS)
    assert [line.split()[0] for line in lines] == ["PROJECT", LONG, "short", "wide-日本語の名前"]
    assert [line.split()[1] for line in lines] == ["STATE", "running", "failed", "new"]
    assert [line.split()[2] for line in lines] == ["NODE", "-", "gpu-01", "gpu-02"]
    assert lines[2].endswith("and more words"), "nothing is cut"


def test_N4_in_a_pipe_several_things_in_a_cell_stand_on_one_line() -> None:
    assert piped(("NODE", "GPUS"), [["n1", "A 8 GiB\nB 8 GiB"]])[1] == "n1    A 8 GiB, B 8 GiB"


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_N4_on_a_terminal_no_line_is_longer_than_it_and_only_ends_are_cut(columns: int) -> None:
    lines = on_terminal(columns)
    assert len(lines) == 1 + len(ROWS), "no row goes on in a second line"
    assert all(tables._cells(line) <= columns for line in lines)
    assert lines[2].split()[:3] == ["short", "failed", "gpu-01"]
    assert lines[2].endswith("…")


def test_N4_a_terminal_with_room_cuts_the_last_column_only() -> None:
    lines = on_terminal(100)
    assert lines[1].split()[0] == LONG
    assert lines[2].endswith("…")


def test_N4_wide_cuts_nothing_on_a_terminal() -> None:
    assert on_terminal(80, whole=True)[2].endswith("and more words")


def test_a_column_in_which_nothing_stands_is_left_out_on_a_terminal() -> None:
    assert on_terminal(80, rows=[["v", "new", "", "NotStarted"]])[0].split() == ["PROJECT", "STATE", "REASON"]


def test_several_lines_in_a_cell_go_on_below_on_a_terminal() -> None:
    lines = on_terminal(80, rows=[["v", "new", "gpu-01\ngpu-02", "why"], ["w", "new", "gpu-03", "what"]])
    assert [line.split() for line in lines[1:]] == [
        ["v", "new", "gpu-01", "why"],
        ["gpu-02"],
        ["w", "new", "gpu-03", "what"],
    ]


@pytest.mark.parametrize(
    ("form", "wanted"),
    [
        ("name", "a\nb\n"),
        ("csv", 'project,tags,why,part\na,x y,,"{""k"": 1}"\nb,,"one, two",\n'),
    ],
)
def test_rows_for_programs(form: str, wanted: str) -> None:
    rows = [
        {"project": "a", "tags": ["x", "y"], "why": None, "part": {"k": 1}},
        {"project": "b", "tags": [], "why": "one, two"},
    ]
    out = io.StringIO()
    with contextlib.redirect_stdout(out), patch.object(CURRENT, "output", form):
        assert output.for_programs(rows)
    assert out.getvalue() == wanted


def test_each_column_has_a_name_and_no_head_is_indented() -> None:
    """`awk` and people count columns by their heads."""
    for file in sorted((Path(__file__).parents[3] / "cli").glob("*.py")):
        for found in re.finditer(r'\(\s*("[A-Z/ ]*[A-Z]",\s*("[A-Z/ ]*",\s*)+"[A-Z/ ]*")', file.read_text()):
            heads = re.findall(r'"([^"]*)"', found[1])
            assert all(head and head == head.strip() for head in heads), f"{file.name}: {heads}"
