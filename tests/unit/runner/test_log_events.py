"""What a node notes of an execution."""

from pathlib import Path

from runner.logs import log_events, log_file
from runner.logs.log_events import note, noted


def test_each_thing_is_noted_once_in_order_and_cleanly(tmp_path: Path) -> None:
    for text in ("image is here", "started\x1b[31m\nx", "image is here"):
        note(tmp_path, text, 0)
    assert [line.text for line in noted(tmp_path)] == ["image is here", "started x"]
    assert noted(tmp_path)[0].time == "1970-01-01T00:00:00.000000Z"


def test_without_a_folder_or_beyond_the_limit_nothing_is_noted(tmp_path: Path) -> None:
    note(tmp_path / "none", "x")
    (tmp_path / log_events.FILE).write_text("x" * (log_events.MOST + 1) + "\n")
    note(tmp_path, "y")
    assert not any(line.text == "y" for line in noted(tmp_path))


def test_what_is_said_after_the_end_stands_in_the_log_once_and_on_a_line_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("2026-01-01T00:00:00.000000Z O torn")
    for _ in range(2):
        log_events.say(tmp_path, "no metrics are taken from metrics.json: it is no JSON", 0.0)
    lines = log_file.tail(tmp_path / "log", 10)
    assert [(line.stream, line.text) for line in lines] == [
        ("O", "torn"),
        ("W", "no metrics are taken from metrics.json: it is no JSON"),
    ]
