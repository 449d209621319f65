"""Whole or not there, found again, never changed; what the disk has damaged is noticed."""

import io
import os
import threading
import time
from pathlib import Path

import pytest
from blake3 import blake3

from runner.store import digests, reflink
from runner.store.errors import DamagedObject, MissingObject, StoreError
from runner.store.objects import Objects


@pytest.fixture
def objects(tmp_path: Path) -> Objects:
    return Objects(tmp_path / "store", (os.geteuid(), os.getegid()))


def written(path: Path, content: bytes, mode: int = 0o600) -> Path:
    path.write_bytes(content)
    path.chmod(mode)
    return path


def test_a_content_is_stored_once_under_its_digest(objects: Objects) -> None:
    digest = objects.put(b"one")
    assert digest == f"blake3:{blake3(b'one').hexdigest()}"
    assert objects.put(b"one") == digest == objects.copy(io.BytesIO(b"one"))[0]
    assert objects.read(digest) == b"one" == b"".join(objects.stream(digest))
    assert objects.path(digest).stat().st_mode & 0o777 == 0o644
    assert [path.name for path in objects.tmp.iterdir()] == []


def test_a_finished_file_becomes_the_object_itself(objects: Objects, tmp_path: Path) -> None:
    file = written(tmp_path / "file", b"big")
    digest, size = objects.adopt(file, False)
    assert (size, objects.path(digest).stat().st_ino) == (3, file.stat().st_ino)
    assert file.stat().st_mode & 0o777 == 0o644
    again = written(tmp_path / "again", b"big")
    assert objects.adopt(again, False) == (digest, 3)
    assert objects.path(digest).stat().st_ino == file.stat().st_ino


def test_a_program_and_a_file_of_one_content_are_two_inodes(objects: Objects, tmp_path: Path) -> None:
    digest, _ = objects.adopt(written(tmp_path / "program", b"#!", 0o755), True)
    assert objects.read(digest) == b"#!"
    plain = objects.variant(digest, False, 2)
    assert plain.stat().st_mode & 0o777 == 0o644
    assert objects.path(digest, True).stat().st_mode & 0o777 == 0o755
    assert plain.stat().st_ino != objects.path(digest, True).stat().st_ino


def test_a_file_with_other_names_is_copied(objects: Objects, tmp_path: Path) -> None:
    """A stage could have linked somebody's own file into its workspace."""
    theirs = written(tmp_path / "theirs", b"private", 0o600)
    os.link(theirs, tmp_path / "in-workspace")
    digest, _ = objects.adopt(tmp_path / "in-workspace", False)
    assert theirs.stat().st_mode & 0o777 == 0o600
    assert objects.path(digest).stat().st_ino != theirs.stat().st_ino


def test_a_link_is_never_followed(objects: Objects, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(written(tmp_path / "secret", b"secret"))
    with pytest.raises(OSError):
        objects.adopt(tmp_path / "link", False)


def test_what_is_missing_or_damaged_is_said(objects: Objects) -> None:
    with pytest.raises(MissingObject):
        objects.read(digests.of_bytes(b"never"))
    for bad in ("", "blake3:..", "sha256:" + "0" * 64, "blake3:" + "0" * 63, "blake3:" + "0" * 65):
        with pytest.raises(StoreError):
            objects.path(bad)
    digest = objects.put(b"right")
    objects.path(digest).write_bytes(b"wrong")
    for look in (objects.read, objects.verify, lambda digest: list(objects.stream(digest))):
        with pytest.raises(DamagedObject):
            look(digest)


def test_an_object_cut_off_by_a_power_cut_is_stored_anew(objects: Objects, tmp_path: Path) -> None:
    digest = objects.put(b"whole")
    objects.path(digest).write_bytes(b"wh")
    with pytest.raises(DamagedObject):
        objects.variant(digest, False, 5)
    objects.adopt(written(tmp_path / "whole", b"whole"), False)
    assert objects.read(digest) == b"whole"


def test_threads_store_the_same_things_at_once(objects: Objects, tmp_path: Path) -> None:
    failures: list[Exception] = []

    def work(number: int) -> None:
        try:
            for at in range(50):
                objects.put(b"%d" % at)
                objects.adopt(written(tmp_path / f"{number}-{at}", b"file %d" % at), False)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    for path in objects.folder.glob("*/*"):
        objects.verify(f"blake3:{path.parent.name}{path.name}")


def test_large_files_have_the_same_digest_as_small_ones_would(tmp_path: Path) -> None:
    content = os.urandom(digests.PIECE + 1)
    assert digests.of_file(written(tmp_path / "large", content)) == digests.of_bytes(content)


def test_a_digest_is_remembered_until_the_file_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [time.time_ns()]
    cache, file = digests.DigestCache(most=2, now=lambda: clock[0]), written(tmp_path / "file", b"one")
    read: list[str] = []
    of_file = digests.of_file
    monkeypatch.setattr(digests, "of_file", lambda path, tell: (read.append(str(path)), of_file(path, tell))[1])
    assert cache.file(file) == cache.file(file) == digests.of_bytes(b"one")
    assert len(read) == 2  # it could still change without another time
    clock[0] += 10**9
    assert cache.file(file) == cache.file(file) == digests.of_bytes(b"one")
    assert len(read) == 3
    file.write_bytes(b"two")
    os.utime(file, ns=(0, 0))  # times can be set back; the time of the change of the inode cannot
    assert cache.file(file) == digests.of_bytes(b"two")
    with pytest.raises(OSError):
        cache.file(tmp_path)


def test_a_copy_is_a_file_of_its_own(tmp_path: Path) -> None:
    content = os.urandom(3_000_000)
    source = written(tmp_path / "source", content)
    reflink.copy(source, tmp_path / "target")
    (tmp_path / "target").open("r+b").write(b"changed")
    assert source.read_bytes() == content


@pytest.mark.parametrize("whole", [True, False])
def test_many_files_are_waited_for_as_one_file_system_or_one_by_one(
    objects: Objects, monkeypatch: pytest.MonkeyPatch, whole: bool
) -> None:
    asked: list[Path] = []
    synced: list[Path] = []
    monkeypatch.setattr("runner.store.objects.MANY", 3)
    monkeypatch.setattr("runner.store.writeback.whole", lambda folder: asked.append(folder) or whole)
    monkeypatch.setattr("runner.store.objects.sync", synced.append)
    with objects.together():
        digests = [objects.put(bytes([number])) for number in range(5)]
    assert asked == [objects.root]
    assert {objects.find(digest) for digest in digests} <= set(map(Path, synced)) if not whole else not synced


def test_what_other_threads_store_is_waited_for_too(objects: Objects, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[Path] = []
    monkeypatch.setattr("runner.store.objects.sync", synced.append)
    digests: list[str] = []
    with objects.together():
        join = objects.joined()

        def work() -> None:
            join()
            digests.append(objects.put(b"from afar"))

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        assert not synced
    assert objects.find(digests[0]) in map(Path, synced)


def test_what_is_there_already_is_waited_for_too(objects: Objects, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who stored it may have been killed before it was on the disk."""
    digest = objects.put(b"from before")
    synced: list[str] = []
    monkeypatch.setattr("runner.store.objects.sync", synced.append)
    with objects.together():
        objects.put(b"from before")
    path = objects.find(digest)
    assert {path, path.parent} == set(map(Path, synced))
