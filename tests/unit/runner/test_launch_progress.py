"""What a node says of an execution before its program runs."""

from pathlib import Path

import pytest

from runner import program_output
from runner.launch_progress import FILE, MOST, Preparing, show, shown


def test_it_is_there_until_it_is_over_and_comes_before_what_a_program_said(tmp_path: Path) -> None:
    (tmp_path / "io").mkdir()
    (tmp_path / "io" / "progress").write_text("90")
    show(tmp_path, Preparing("hashing rec.mp4", 12.5))
    assert shown(tmp_path) == Preparing("hashing rec.mp4", 12.5)
    assert program_output.progress(tmp_path) == 12.5
    show(tmp_path, Preparing("making its workspace"))
    assert program_output.progress(tmp_path) is None
    show(tmp_path, None)
    show(tmp_path, None)
    assert shown(tmp_path) is None
    assert program_output.progress(tmp_path) == 90
    assert sorted(path.name for path in tmp_path.iterdir()) == ["io"]


def test_where_the_disk_takes_nothing_nothing_is_shown(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("no folder")
    show(tmp_path / "run", Preparing("x"))
    assert shown(tmp_path / "run") is None


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{", b"\xff", b'{"text": "x"}', b'{"text": "x", "percent": "much"}', b"9" * MOST]
)
def test_rubbish_says_nothing(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE).write_bytes(content)
    assert shown(tmp_path) is None
