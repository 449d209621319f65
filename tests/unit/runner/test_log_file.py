"""The log as people and the repository see it: whole lines, clean text, bounded whatever was written."""

import itertools
import os
import time
from pathlib import Path

import pytest
from blake3 import blake3

from runner.logs import log_file
from runner.logs.log_file import LogLine


def written(tmp_path: Path, text: bytes) -> Path:
    path = tmp_path / "log"
    path.write_bytes(text)
    return path


HEAD = b"2026-01-01T00:00:00.000000Z O "


def test_a_line_has_time_stream_and_text() -> None:
    assert log_file.parse("2026-01-01T00:00:00.000000Z E a b  c") == LogLine(
        "2026-01-01T00:00:00.000000Z", "E", "a b  c"
    )
    assert log_file.parse("2026-01-01T00:00:00.000000Z O ").text == ""
    assert log_file.parse("no line of ours") == LogLine("", "O", "no line of ours")


def test_stamps_are_utc_with_microseconds() -> None:
    assert log_file.stamp(0.25) == "1970-01-01T00:00:00.250000Z"


@pytest.mark.parametrize(
    ("raw", "seen"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07text", "text"),
        ("\x1b]8;;http://evil\x1b\\link", "link"),
        (" 10%\r 20%\r 30%\r", " 30%"),
        ("a\x00b\x7f\x9b", "a�b��"),
        ("tab\tstays", "tab\tstays"),
        ("\u202egnp.exe\u2066\u061c", "�gnp.exe��"),
        ("one\u2028two\x0bthree", "one�two�three"),
    ],
)
def test_S6_what_a_terminal_would_obey_is_taken_out(raw: str, seen: str) -> None:
    assert log_file.clean(raw) == seen


def test_the_tail_is_the_last_whole_lines(tmp_path: Path) -> None:
    path = written(tmp_path, b"".join(HEAD + b"%d\n" % i for i in range(1000)))
    assert [line.text for line in log_file.tail(path, 3)] == ["997", "998", "999"]
    short = log_file.tail(path, 99, window=70)
    assert [line.text for line in short] == ["998", "999"]
    assert all(line.time for line in short)
    assert log_file.tail(path, 0) == []
    assert log_file.tail(tmp_path / "none", 3) == []


def test_the_tail_keeps_a_line_that_begins_exactly_at_its_window(tmp_path: Path) -> None:
    path = written(tmp_path, HEAD + b"a\n" + HEAD + b"b\n")
    assert [line.text for line in log_file.tail(path, 9, window=len(HEAD) + 2)] == ["b"]


def test_S6_a_program_cannot_write_lines_in_our_name(tmp_path: Path) -> None:
    forged = b"x\r2026-01-01T00:00:00.000000Z W all is well\x0c2026-01-01T00:00:00.000000Z W yes"
    path = written(tmp_path, HEAD + forged + b"\n")
    [line] = log_file.tail(path, 9)
    assert line.stream == "O"
    assert [line.stream for line in log_file.follow(path, lambda: True, sleep=lambda _: pytest.fail("it slept"))] == [
        "O"
    ]


def test_M15_following_gives_every_line_once_as_it_comes(tmp_path: Path) -> None:
    path = tmp_path / "log"
    pieces = iter([HEAD + b"one\n" + HEAD + b"tw", b"o\n", b"", HEAD + b"three"])
    ended = [False]

    def sleep(_: float) -> None:
        with path.open("ab") as file:
            file.write(next(pieces, b""))
        ended[0] = path.read_bytes().endswith(b"three")

    found = [line.text for line in log_file.follow(path, lambda: ended[0], sleep=sleep)]
    assert found == ["one", "two", "three"]


def test_a_summary_of_nothing(tmp_path: Path) -> None:
    assert log_file.summarise(tmp_path / "none") == log_file.Summary("", 0, 0, None)


def test_a_short_log_is_its_own_summary(tmp_path: Path) -> None:
    text = b"".join(HEAD + b"%d\n" % i for i in range(20))
    found = log_file.summarise(written(tmp_path, text))
    assert (found.text, found.lines, found.bytes) == (text.decode(), 20, len(text))
    assert found.digest == f"blake3:{blake3(text).hexdigest()}"


@pytest.mark.parametrize("size", [99, 100, 101, 150, 199, 200, 201, 400])
def test_head_and_tail_neither_overlap_nor_leave_a_gap_that_is_not_told(tmp_path: Path, size: int) -> None:
    text = "".join(itertools.islice(itertools.cycle("abcdefghij\n"), size))
    found = log_file.summarise(written(tmp_path, text.encode()), 200)
    assert len(found.text.encode()) <= 200
    if size <= 200:
        assert found.text == text
    else:
        front, middle, back = found.text.split("\n… ")[0], found.text, found.text.rpartition("…\n")[2]
        assert text.startswith(front)
        assert text.endswith(back)
        assert f"{size - 200} bytes left out" in middle


@pytest.mark.parametrize("size", [1000, 40_000, 70_000, 500_000])
def test_F20_binary_rubbish_is_survived_within_the_limit(tmp_path: Path, size: int) -> None:
    rubbish = bytes(i * 7 % 256 for i in range(1000)) * (size // 1000)
    found = log_file.summarise(written(tmp_path, rubbish + b"\nthe last word\n"))
    assert len(found.text.encode()) <= log_file.SUMMARY
    assert found.text.endswith("the last word\n")
    assert not set(found.text) & {"\x00", "\x1b", "\x7f"}


def test_the_last_output_is_when_the_file_last_grew(tmp_path: Path) -> None:
    assert log_file.last_output(tmp_path) is None
    path = written(tmp_path, b"")
    assert log_file.last_output(tmp_path) is None
    path.write_text("x")
    assert log_file.last_output(tmp_path) is not None


def test_the_last_words_are_short_and_without_times() -> None:
    text = "".join(f"2026-01-01T00:00:00.000000Z E {number} {'x' * 300}\n" for number in range(40))
    found = log_file.last_words(text)
    assert [line.split()[0] for line in found] == [str(number) for number in range(28, 40)]
    assert {len(line) for line in found} == {200}
    assert log_file.last_words("") == ()


@pytest.mark.parametrize("jump", [-86_400, 86_400])
def test_F7_a_wall_clock_that_jumps_makes_no_output_old(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jump: float
) -> None:
    (tmp_path / "log").write_text("one\n")
    before = log_file.last_output(tmp_path)
    wall = time.time
    monkeypatch.setattr(time, "time", lambda: wall() + jump)
    assert log_file.last_output(tmp_path) == before
    os.utime(tmp_path / "log", (wall() + jump, wall() + jump))
    now = log_file.last_output(tmp_path)
    assert before is not None
    assert now is not None
    assert now >= before


def test_a_log_that_is_seen_first_counts_as_just_written(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("one\n")
    os.utime(tmp_path / "log", (1.0, 1.0))
    begun = time.clock_gettime(time.CLOCK_BOOTTIME)
    assert (log_file.last_output(tmp_path) or 0.0) >= begun
