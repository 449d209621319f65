"""Archived logs come back as they were, or not at all."""

import gzip
import os
import subprocess
import sys
from pathlib import Path

import pytest

from runner.logs.archive import DamagedLog, archive, archived, forget, here, mark_sent, restored, sent_to
from runner.logs.log_source import PackedSource
from runner.store import digests
from runner.store.blocks import Blocks
from runner.store.errors import DamagedObject
from runner.store.packed import Packed

CONTENT = b"2026-01-01T00:00:00Z O \xff\x00 line\n" * 10_000
DIGEST = digests.of_bytes(CONTENT)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "runs" / "c1"
    folder.mkdir(parents=True)
    (folder / "log").write_bytes(CONTENT)
    return folder


@pytest.fixture
def packed(tmp_path: Path) -> Packed:
    return Packed(tmp_path / "store")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def read(data: Path, digest: str | None = None) -> bytes:
    found = here(data, "c1", digest)
    assert isinstance(found, Blocks)
    source = PackedSource(found)
    return source.read(0, source.size())


def test_R1450_an_archived_log_takes_less_room_and_is_read_where_it_is(
    run: Path, packed: Packed, tmp_path: Path
) -> None:
    assert here(tmp_path, "c1", DIGEST) == run / "log"
    assert archive(run, packed)
    assert names(run) == ["archived"]
    assert archived(run) == DIGEST
    assert packed.path(DIGEST).stat().st_size < len(CONTENT) / 10
    assert read(tmp_path) == read(tmp_path, DIGEST) == CONTENT
    assert names(run) == ["archived"]
    assert not archive(run, packed)


def test_by_the_record_alone_it_is_found_where_the_store_is_shared(run: Path, packed: Packed, tmp_path: Path) -> None:
    archive(run, packed)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "store").symlink_to(tmp_path / "store")
    assert read(tmp_path / "other", DIGEST) == CONTENT
    assert here(tmp_path / "other", "c1") is None


def test_with_its_run_it_goes_from_the_store(run: Path, packed: Packed) -> None:
    forget(run, packed)
    archive(run, packed)
    forget(run, packed)
    assert not packed.has(DIGEST)
    assert not list(packed.names())


def test_which_bucket_has_it_is_remembered(run: Path, packed: Packed) -> None:
    archive(run, packed)
    assert sent_to(run) == ""
    mark_sent(run, "s3://b")
    assert (sent_to(run), archived(run)) == ("s3://b", DIGEST)


CHILD = """
import os, signal, sys
from pathlib import Path
from runner.logs.archive import archive
from runner.store.packed import Packed
def die(place):
    if place == sys.argv[2]:
        os.kill(os.getpid(), signal.SIGKILL)
if sys.argv[2] == "renamed":
    os.unlink = lambda path, **more: die("renamed")
    Path.unlink = lambda path, missing_ok=False: die("renamed") if path.name == "log" else None
archive(Path(sys.argv[1]) / "runs" / "c1", Packed(Path(sys.argv[1]) / "store"), die)
"""


@pytest.mark.parametrize("place", ["log-noted", "log-packed", "renamed"])
def test_killed_anywhere_it_is_whole_and_soon_in_one_place(
    run: Path, packed: Packed, tmp_path: Path, place: str
) -> None:
    child = subprocess.run([sys.executable, "-c", CHILD, str(tmp_path), place], timeout=60, check=False)
    assert child.returncode == -9
    assert (run / "log").read_bytes() == CONTENT
    assert archive(run, packed)
    assert names(run) == ["archived"]
    assert read(tmp_path) == CONTENT
    forget(run, packed)
    assert not list(packed.folder.glob("*/*"))


def test_killed_anywhere_its_run_can_go_at_once(run: Path, packed: Packed, tmp_path: Path) -> None:
    for place in ("log-noted", "log-packed"):
        (run / "log").write_bytes(CONTENT)
        subprocess.run([sys.executable, "-c", CHILD, str(tmp_path), place], timeout=60, check=False)
        forget(run, packed)
        assert not list(packed.folder.glob("*/*"))


def test_a_store_that_takes_nothing_loses_no_log(run: Path, packed: Packed, tmp_path: Path) -> None:
    """A disk that is full, or can only be read: whoever may write everywhere is stopped by a file in the way."""
    packed.root.mkdir()
    packed.folder.write_text("in the way")
    with pytest.raises(OSError, match=r"."):
        archive(run, packed)
    assert here(tmp_path, "c1", DIGEST) == run / "log"
    packed.folder.unlink()
    assert archive(run, packed)
    assert read(tmp_path) == CONTENT


def test_a_run_that_was_deleted_meanwhile_leaves_nothing(run: Path, packed: Packed) -> None:
    def away(place: str) -> None:
        if place == "log-packed":
            run.rename(run.with_name("gone"))

    assert not archive(run, packed, away)
    assert not list(packed.folder.glob("*/*"))
    assert not run.exists()


def test_damage_is_said_and_nothing_wrong_is_shown(run: Path, packed: Packed, tmp_path: Path) -> None:
    archive(run, packed)
    content = bytearray(packed.path(DIGEST).read_bytes())
    content[len(content) // 4] ^= 255
    os.utime(packed.path(DIGEST), (1, 1))
    packed.path(DIGEST).write_bytes(content)
    with pytest.raises(DamagedObject, match=r"\.gz is damaged"):
        read(tmp_path)
    packed.path(DIGEST).write_bytes(b"nothing")
    with pytest.raises(OSError, match=r"\.gz is damaged"):
        here(tmp_path, "c1", DIGEST)


# -- of earlier versions -----------------------------------------------------------------------------------------------


def pack_as_before(run: Path) -> None:
    (run / "log.gz").write_bytes(gzip.compress((run / "log").read_bytes()))
    (run / "log").unlink()


def test_one_that_an_earlier_version_packed_is_read_and_moves_into_the_store(
    run: Path, packed: Packed, tmp_path: Path
) -> None:
    pack_as_before(run)
    assert here(tmp_path, "c1", DIGEST) == run / "log"
    assert (run / "log").read_bytes() == CONTENT
    assert names(run) == ["log"]
    pack_as_before(run)
    assert archive(run, packed)
    assert names(run) == ["archived"]
    assert read(tmp_path) == CONTENT


@pytest.mark.parametrize("damage", [b"no gzip at all", b"", None])
def test_a_damaged_archive_is_named_and_nothing_of_it_is_shown_or_deleted(
    run: Path, packed: Packed, damage: bytes | None
) -> None:
    pack_as_before(run)
    content = (run / "log.gz").read_bytes()
    (run / "log.gz").write_bytes(content[:-20] if damage is None else damage)
    with pytest.raises(DamagedLog, match=r"damaged" if damage == b"" else r"log\.gz"):
        restored(run, DIGEST)
    assert not (run / "log").exists()
    with pytest.raises(DamagedLog, match=r"log\.gz"):
        archive(run, packed, wanted=DIGEST)
    assert (run / "log.gz").exists()


def test_another_log_than_the_record_says_is_not_shown(run: Path) -> None:
    pack_as_before(run)
    with pytest.raises(DamagedLog, match="not what the record says"):
        restored(run, "blake3:" + "0" * 64)


def test_where_there_is_none_there_is_none(tmp_path: Path, packed: Packed) -> None:
    assert restored(tmp_path) is None
    assert not archive(tmp_path, packed)
    assert here(tmp_path, "c1", DIGEST) is None
