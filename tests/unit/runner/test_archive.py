"""Archived logs come back as they were, or not at all."""

import gzip
from pathlib import Path

import pytest

from runner.archive import DamagedLog, archive, restored
from runner.store import digests


@pytest.fixture
def run(tmp_path: Path) -> Path:
    (tmp_path / "log").write_bytes(b"2026-01-01T00:00:00Z O \xff\x00 line\n" * 10_000)
    return tmp_path


def test_R1450_an_archived_log_takes_less_room_and_comes_back_whole(run: Path) -> None:
    before, digest = (run / "log").read_bytes(), digests.of_file(run / "log")
    assert archive(run) > len(before) / 2
    assert [path.name for path in run.iterdir()] == ["log.gz"]
    found = restored(run, digest)
    assert found == run / "log"
    assert found.read_bytes() == before
    assert [path.name for path in run.iterdir()] == ["log"]


def test_archiving_again_what_was_cut_off_is_done_once(run: Path) -> None:
    (run / "log.gz.part").write_bytes(b"half")
    (run / "log.gz").write_bytes(b"of an earlier attempt")
    before = (run / "log").read_bytes()
    archive(run)
    assert gzip.decompress((run / "log.gz").read_bytes()) == before
    assert archive(run) == 0


@pytest.mark.parametrize("damage", [b"no gzip at all", b"", None])
def test_a_damaged_archive_is_named_and_nothing_of_it_is_shown(run: Path, damage: bytes | None) -> None:
    digest = digests.of_file(run / "log")
    archive(run)
    content = (run / "log.gz").read_bytes()
    (run / "log.gz").write_bytes(content[:-20] if damage is None else damage)
    if damage == b"":
        with pytest.raises(DamagedLog):
            restored(run, digest)
    else:
        with pytest.raises(DamagedLog, match=r"log\.gz"):
            restored(run, digest)
    assert not (run / "log").exists()


def test_another_log_than_the_record_says_is_not_shown(run: Path) -> None:
    archive(run)
    with pytest.raises(DamagedLog, match="not what the record says"):
        restored(run, "blake3:" + "0" * 64)


def test_where_there_is_none_there_is_none(tmp_path: Path) -> None:
    assert restored(tmp_path) is None
    assert archive(tmp_path) == 0
