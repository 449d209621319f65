"""Tables of any size: windows, order and filters are those of the whole file, and what is kept stays small."""

import csv
import io
import time
import tracemalloc
from pathlib import Path

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from webui.pages import previews
from webui.sheets import row_index, selection, sheet, sheet_form
from webui.sheets.selection import SheetQuestion
from webui.sheets.sheet import Sheet, Sheets, SheetWindow

FILE_ORDER = SheetQuestion()


def opened(content: bytes, path: str = "a.csv") -> tuple[Sheet, io.BytesIO]:
    found = Sheets().beginning(content, path)
    assert found is not None
    return found, io.BytesIO(content)


def window(text: str | bytes, question: SheetQuestion = FILE_ORDER, at: int = 0, path: str = "a.csv") -> SheetWindow:
    found, file = opened(text.encode() if isinstance(text, str) else text, path)
    return found.window(file, at, question)


def cells(found: SheetWindow) -> list[tuple[str, ...]]:
    return [each for _, each in found.rows]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_P3_tables_of_every_country_are_read(encoding: str, ends: str) -> None:
    found, file = opened(f"stunde;dichte{ends}8;1,5{ends}ਊ;2,25".encode(encoding))
    assert found.heads == ("stunde", "dichte")
    assert cells(found.window(file, 0, FILE_ORDER)) == [("8", "1,5"), ("ਊ", "2,25")]
    assert found.lines(file, -1, (1,)) == ([[(0.0, 1.5), (1.0, 2.25)]], True)


def test_P3_what_is_no_text_is_no_table() -> None:
    assert Sheets().beginning(b"a,b\n\0\1", "a.csv") is None


table = st.lists(st.lists(st.text("a\n\";, '", max_size=6), min_size=2, max_size=2), min_size=1, max_size=12)


@given(table, st.integers(min_value=16, max_value=64))
def test_P3_any_window_holds_the_rows_that_a_reader_of_the_whole_finds(rows: list[list[str]], block: int) -> None:
    made = io.StringIO()
    csv.writer(made, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows([["head", "x"], *rows])
    before = sheet_form.BLOCK, row_index.BLOCK
    sheet_form.BLOCK = row_index.BLOCK = block
    try:
        for at in range(len(rows)):
            found = window(made.getvalue(), at=at, path="a.csv")
            assert found.total == len(rows)
            assert [number for number, _ in found.rows] == list(range(at + 1, len(rows) + 1))
            assert cells(found)[0] == tuple(sheet_form.clean(cell) for cell in rows[at])
    finally:
        sheet_form.BLOCK, row_index.BLOCK = before


def test_P3_a_column_is_sorted_by_size_and_what_is_no_number_comes_last() -> None:
    text = "n\n10\nNaN\n9\n\nb\na\n-1\n"
    up = [each[0] for each in cells(window(text, SheetQuestion(sort=0)))]
    down = [each[0] for each in cells(window(text, SheetQuestion(sort=0, down=True)))]
    assert up[:5] == ["-1", "9", "10", "a", "b"]
    assert set(up[5:]) == {"NaN", ""}
    assert down[:5] == ["10", "9", "-1", "b", "a"]
    assert set(down[5:]) == {"NaN", ""}


@pytest.mark.parametrize(
    ("find", "within", "kept"),
    [("lorry", -1, [2]), ("LORRY", 1, [2]), ("lorry", 0, []), (">= 2", 0, [2, 3]), ("=3", -1, [3]), ("< x", -1, [])],
)
def test_P3_a_filter_is_a_text_or_a_comparison(find: str, within: int, kept: list[int]) -> None:
    found = window("n,what\n1,car\n2,Lorry\n3,bus\n", SheetQuestion(find=find, within=within))
    assert [number for number, _ in found.rows] == kept


def test_P3_a_search_that_would_take_too_long_says_how_far_it_came(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheet, "SEARCHES", -1.0)
    found = window("n\n" + "1\n" * 2000, SheetQuestion(sort=0))
    assert not found.whole
    assert "of the first 255 rows only" in found.note


def test_P3_rows_are_counted_a_little_further_with_every_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_index, "BLOCK", 64)
    monkeypatch.setattr(sheet, "PATIENCE", -1.0)
    found, file = opened(b"n\n" + b"1\n" * 200)
    assert found.window(file, 0, FILE_ORDER).note.startswith("at least 0 rows")
    monkeypatch.setattr(sheet, "PATIENCE", 60.0)
    assert found.window(file, 0, FILE_ORDER).total == 200


def test_P3_only_so_many_rows_of_a_selection_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selection, "MOST_ROWS", 10)
    found = window("n\n" + "".join(f"{n}\n" for n in range(300)), SheetQuestion(sort=0, down=True))
    assert [each[0] for each in cells(found)] == [str(n) for n in range(299, 289, -1)]
    assert found.note == "the first 10 of 300"


def test_P3_long_words_of_a_sorted_column_fill_no_memory() -> None:
    """Of ten thousand rows that are kept, each may have a cell of 64 KB."""
    content = b"n,word\n" + b"".join(b"%d,%s%d\n" % (n, b"x" * 30_000, n) for n in range(1000))
    found, file = opened(content)
    tracemalloc.start()
    seen = found.window(file, 0, SheetQuestion(sort=1), 1)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert seen.total == 1000
    assert most < 8 * 1024 * 1024


def test_P3_who_waits_for_the_search_of_others_waits_no_longer_than_one_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheet, "SEARCHES", 0.01)
    found, file = opened(b"n\n2\n1\n")
    with found.lock:
        seen = found.window(file, 0, SheetQuestion(sort=0))
    assert (seen.rows, seen.whole, seen.note) == ((), False, sheet.BUSY)
    monkeypatch.setattr(sheet, "SEARCHES", 6.0)
    assert cells(found.window(file, 0, SheetQuestion(sort=0))) == [("1",), ("2",)]


def test_P3_a_chart_that_is_given_little_time_says_that_it_is_only_a_beginning() -> None:
    found, file = opened(b"n\n" + b"1\n" * 2000)
    drawn, whole = found.lines(file, -1, (0,), -1.0)
    assert not whole
    assert drawn == [[]]


def test_P3_charts_of_one_page_share_their_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page shows up to two dozen: each with time of its own would keep a browser waiting for minutes."""
    now = [100.0]
    monkeypatch.setattr(previews.time, "monotonic", lambda: now[0])
    with Flask(__name__).app_context():
        assert previews._time_left() == previews.GLANCES
        now[0] += 1.5
        assert previews._time_left() == previews.GLANCES - 1.5
        now[0] += 60
        assert previews._time_left() == previews.LEAST_GLANCE


def test_P3_a_quote_that_is_never_closed_makes_no_record_of_a_whole_file() -> None:
    found = window('a,b\n"open,1\n' + "x,2\n" * 100_000)
    assert found.total == 100_001
    assert all(len(cell) <= sheet_form.LONGEST_CELL for each in cells(found) for cell in each)


def test_P3_a_table_of_a_million_rows_opens_in_a_second_and_little_memory(tmp_path: Path) -> None:
    """Seconds of the processor, so that a busy machine changes nothing."""
    path = tmp_path / "counts.csv"
    with path.open("w") as out:
        out.write("t,cars,name\n")
        out.writelines(f'{n},{n % 997},"lane {n % 7}"\n' for n in range(1_000_000))
    sheets = Sheets()
    with path.open("rb") as file:
        began = time.process_time()
        found = sheets.of(file, "counts.csv")
        assert found is not None
        while not (seen := found.window(file, 999_990, FILE_ORDER)).whole:
            pass
        assert time.process_time() - began < 1.0
        assert seen.total == 1_000_000
        assert cells(seen)[-1] == ("999999", "8", "lane 0")
        tracemalloc.start()
        found.window(file, 500_000, FILE_ORDER)
        found.index.extend(file, None, lambda: True)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert most < 4 * 1024 * 1024
    assert sheets.of(path.open("rb"), "counts.csv") is found
