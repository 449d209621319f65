"""What programs say by files, and what hostile ones try with them."""

import json
import os
from pathlib import Path

import pytest

from runner import program_output

LINE = "2026-01-01T00:00:00.000000Z O "


@pytest.fixture
def run(tmp_path: Path) -> Path:
    (tmp_path / "io").mkdir()
    return tmp_path


def say(run: Path, name: str, text: str) -> None:
    (run / "io" / name).write_text(text)


def logged(run: Path, *texts: str) -> None:
    (run / "log").write_text("".join(f"{LINE}{text}\n" for text in texts))


@pytest.mark.parametrize(
    ("text", "percent"),
    [("42", 42.0), ("4.5\n", 4.5), ("-3", 0.0), ("1e3", 100.0), ("nan", None), ("inf", None), ("", None), ("٤", None)],
)
def test_progress_by_file(run: Path, text: str, percent: float | None) -> None:
    say(run, "progress", text)
    assert program_output.progress(run) == percent


def test_progress_of_old_programs_is_the_last_percentage_of_the_log(run: Path) -> None:
    assert program_output.progress(run) is None
    logged(run, "10 %", "frame 7 of 9: 77.5% (was 70%)", "60 frames left")
    assert program_output.progress(run) == 70.0
    say(run, "progress", "80")
    assert program_output.progress(run) == 80.0


def test_results_come_from_file_and_log_and_the_file_wins(run: Path) -> None:
    logged(run, "WINSLOW_RESULT: tracks=3", "WINSLOW_RESULT: best=a=b", "x WINSLOW_RESULT: no=1")
    say(run, "result", "tracks = 4\nname=Ulm \nbad name=1\n9=1\nnothing\nok=true\n")
    assert program_output.results(run) == {"tracks": 4, "best": "a=b", "name": "Ulm", "ok": True}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("7", 7),
        ("-0.5", -0.5),
        ("1e3", 1000.0),
        ("007", 7),
        ("2024_11", "2024_11"),
        ("inf", "inf"),
        ("1e999", "1e999"),
        ("True", "True"),
        ("٣", "٣"),
        ("\x1b[31mred", "red"),
        ("9" * 30, 1e30),
        ("", ""),
    ],
)
def test_numbers_are_what_everybody_would_call_one(text: str, value: object) -> None:
    found = program_output.typed(text)
    assert (type(found), found) == (type(value), pytest.approx(value) if isinstance(value, float) else value)


def test_results_are_bounded(run: Path) -> None:
    say(run, "result", "".join(f"k{i}={'x' * 500}\n" for i in range(1000)))
    assert len(program_output.results(run)) == 100
    say(run, "result", f"long={'é' * 5000}\n{'n' * 65}=1\n")
    assert {name: len(str(value).encode()) for name, value in program_output.results(run).items()} == {"long": 4096}
    say(run, "result", "a=1\n" + "x" * 10_000_000 + "\nb=2\n")
    assert program_output.results(run) == {"a": 1}


def test_S9_what_is_not_a_plain_file_is_not_read(run: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("password=x\n")
    os.symlink(secret, run / "io" / "result")
    os.mkfifo(run / "io" / "progress")
    assert program_output.results(run) == {}
    assert program_output.progress(run) is None
    (run / "io" / "result").unlink()
    (run / "io" / "result").mkdir()
    assert program_output.results(run) == {}


def test_metrics_are_the_finite_numbers() -> None:
    said = (
        b'{"a": 1, "b": {"c": 2.5, "d": {"e": -1}}, "t": true, "s": "x", "n": NaN, "i": Infinity, "l": [1], "z": null}'
    )
    assert program_output.metrics(said) == {"a": 1, "b.c": 2.5, "b.d.e": -1}


@pytest.mark.parametrize(
    "text", ["", "[1]", "{", '"x"', "\x00", '{"a": 1' + "0" * 400 + "}", "[" * 60_000, "{}", "\udcff"]
)
def test_S13_odd_metrics_are_none(text: str) -> None:
    assert program_output.metrics(text.encode(errors="surrogateescape")) == {}


def test_metrics_are_bounded_in_number_and_depth() -> None:
    wide = {f"o{i}": {f"k{j}": j for j in range(50)} for i in range(50)}
    assert len(program_output.metrics(json.dumps(wide).encode())) == 200
    assert program_output.metrics(b'{"a":' * 500 + b"1" + b"}" * 500) == {}


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"{", "it is no JSON: "),
        (b"epoch,loss\n1,0.2\n", "it is no JSON: "),
        (b"[1]", "it holds no JSON object, but a list"),
        (b'{"a": "x"}', "it holds no finite number"),
        (b" " * program_output.MOST, "it is larger than 65536 bytes"),
        (b'{"a": 1}', ""),
        (b"", ""),
    ],
)
def test_metrics_that_cannot_be_taken_say_why(content: bytes, why: str) -> None:
    said = program_output.metrics_problem(content)
    assert said.startswith(why)
    assert bool(said) == bool(why)
