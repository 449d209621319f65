"""Looking for a text in a log."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.logs import log_search
from runner.logs.log_search import search
from runner.logs.log_source import TextSource

T = "2026-01-01T00:00:00.000000Z O "


def numbers(text: str, needle: str, *, any_case: bool = False) -> list[int]:
    return [hit.number for hit in search(TextSource("k", text), needle, any_case=any_case)]


@given(
    st.lists(st.text(st.sampled_from("abÄä"), max_size=5), max_size=30), st.text(st.sampled_from("abÄä"), max_size=2)
)
def test_R1450_finds_what_a_slow_search_finds(lines: list[str], needle: str) -> None:
    text = "".join(f"{T}{line}\n" for line in lines)
    expected = [number for number, line in enumerate(lines, 1) if needle and needle in line]
    assert numbers(text, needle) == expected
    folded = [number for number, line in enumerate(lines, 1) if needle and needle.lower() in line.lower()]
    assert numbers(text, needle, any_case=True) == folded


@pytest.mark.parametrize("piece", [1, 7, 40, 41, 64])
def test_the_edges_of_what_is_read_at_once_hide_nothing(piece: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_search, "PIECE", piece)
    text = "".join(f"{T}line {number} {'needle' if number % 7 == 0 else ''}\n" for number in range(1, 40))
    assert numbers(text, "needle") == [7, 14, 21, 28, 35]
    assert numbers(text + "needle", "needle")[-1] == 40, "the last line need not be ended"


def test_what_only_an_escape_or_a_time_holds_is_no_hit() -> None:
    text = f"{T}\x1b[31mred\x1b[0m\n{T}31\n"
    assert numbers(text, "31") == [2]
    assert numbers(text, "2026") == []


def test_hits_are_bounded_and_stand_among_their_neighbours() -> None:
    text = "".join(f"{T}x {number}\n" for number in range(1, 1000))
    found = list(search(TextSource("k", text), "x"))
    assert len(found) == log_search.HITS
    hit = next(search(TextSource("k", text), "x 500"))
    assert [each.content.decode()[len(T) :] for each in (*hit.before, hit.line, *hit.after)] == [
        f"x {number}" for number in range(498, 503)
    ]


def test_a_line_of_many_pieces_is_searched_in_bounded_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_search, "PIECE", 100)
    monkeypatch.setattr(log_search, "LONG", 300)
    assert numbers("a" * 5000 + "\n" + "needle\n", "needle") == [2]
