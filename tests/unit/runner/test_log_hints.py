"""What a program could not know is said after its last words."""

from pathlib import Path

import pytest

from runner.logs import log_file, log_hints

HEAD = "2026-01-01T00:00:00.000000Z E "
WORDS = [
    "OSError: [Errno 18] Invalid cross-device link: 'd' -> 'e'",
    "Error: EXDEV: cross-device link not permitted, rename 'd' -> 'e'",
    "mv: can't rename 'd': Cross-device link",
    "rename d e: invalid cross-device link",
]


@pytest.mark.parametrize("words", WORDS)
def test_a_rename_that_only_a_copy_can_do_is_explained_once(tmp_path: Path, words: str) -> None:
    (tmp_path / "log").write_text(f"{HEAD}{words}\n{HEAD}gave up\n")
    for _ in range(2):
        log_hints.tell(tmp_path)
    last = log_file.tail(tmp_path / "log", 10)[2:]
    assert len(last) == 1
    assert "`shutil.move`" in last[0].text


@pytest.mark.parametrize("words", ["all is well", "EXDEVICE", ""])
def test_other_words_need_none(tmp_path: Path, words: str) -> None:
    (tmp_path / "log").write_text(f"{HEAD}{words}\n")
    log_hints.tell(tmp_path)
    log_hints.tell(tmp_path / "none")
    assert len(log_file.tail(tmp_path / "log", 10)) == 1
