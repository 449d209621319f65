"""Lines of a log from any place, both ways, and their numbers."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.logs import log_lines
from runner.logs.log_index import Indexes, LineIndex
from runner.logs.log_lines import Raw, backward, forward
from runner.logs.log_source import FileSource, TextSource

texts = st.text(st.sampled_from("ab\n"), max_size=60)


def source(text: str) -> TextSource:
    return TextSource("here", text)


@given(texts, st.integers(1, 5))
def test_forwards_and_backwards_every_line_is_met_once(text: str, count: int) -> None:
    log = source(text)
    there: list[Raw] = []
    while page := forward(log, there[-1].end if there else 0, count):
        there += page
    back: list[Raw] = []
    while page := backward(log, back[0].start if back else log.size(), count):
        back = page + back
    assert back == there
    assert b"".join(log.content[each.start : each.end] for each in there) == log.content
    assert [each.open for each in there if each.open] == ([True] if text and not text.endswith("\n") else [])


@given(texts, st.integers(1, 8), st.integers(2, 5))
def test_R1450_a_line_has_the_number_it_has_in_the_file(text: str, stride: int, most: int) -> None:
    log, index = source(text), LineIndex(source(text), stride, most)
    starts = [each.start for each in forward(log, 0, 100)]
    for number, start in reversed(list(enumerate(starts, 1))):
        assert index.offset_of(number) == start
        assert index.number_at(start) == number
    assert index.offset_of(len(starts) + 2) is None


def test_a_line_beyond_all_bounds_comes_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_lines, "STEP", 4)
    monkeypatch.setattr(log_lines, "LONG", 8)
    monkeypatch.setattr(log_lines, "KEPT", 5)
    log = source("ab\n" + "x" * 20 + "\ncd\n")
    first = forward(log, 3, 9)
    assert first == [Raw(3, 11, b"xxxxx", cut=3)]
    assert forward(log, 11, 9)[0].begins is False
    assert backward(log, 24, 9)[0].begins is False
    found: list[Raw] = []
    while page := backward(log, found[0].start if found else log.size(), 2):
        found = page + found
    assert (found[0].start, found[-1].end) == (0, log.size())
    assert len(found) < 8


def test_a_log_that_grows_or_begins_anew_is_counted_again(tmp_path: Path) -> None:
    path = tmp_path / "log"
    index = LineIndex(FileSource(path), stride=4)
    assert (index.number_at(0), index.offset_of(2)) == (1, None)
    path.write_text("a\nb\nc\nd\n")
    assert (index.number_at(6), index.counted) == (4, 4)
    with path.open("a") as file:
        file.write("\n\n\nx\n")
    assert index.offset_of(8) == 11
    path.write_text("xxxx\n")
    assert index.number_at(5) == 2


def test_only_so_many_logs_are_remembered() -> None:
    known = Indexes(most=2)
    first = known.of(TextSource("a", ""))
    for key in "bc":
        known.of(TextSource(key, ""))
    assert known.of(TextSource("a", "")) is not first
