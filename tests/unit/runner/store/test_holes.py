"""Files with holes: their digests, and the room that they and their copies take."""

import io
import os
from pathlib import Path

import pytest
from blake3 import blake3
from hypothesis import given
from hypothesis import strategies as st

from runner.store import digests, holes, reflink
from runner.store.objects import Objects

MIB = 1 << 20


def sparse(path: Path, size: int, *written: tuple[int, bytes]) -> Path:
    with path.open("wb") as file:
        file.truncate(size)
        for offset, content in written:
            file.seek(offset)
            file.write(content)
    return path


def room(path: Path) -> int:
    return path.stat().st_blocks * 512


@pytest.fixture
def objects(tmp_path: Path) -> Objects:
    return Objects(tmp_path / "store", (os.geteuid(), os.getegid()))


@given(
    size=st.integers(0, 4 * MIB),
    written=st.lists(st.tuples(st.integers(0, 4 * MIB), st.binary(min_size=1, max_size=9000)), max_size=4),
)
def test_a_digest_is_that_of_the_bytes_wherever_the_holes_are(
    tmp_path_factory: pytest.TempPathFactory, size: int, written: list[tuple[int, bytes]]
) -> None:
    path = sparse(tmp_path_factory.mktemp("holes") / "file", size, *written)
    content = path.read_bytes()
    assert digests.of_file(path) == digests.PREFIX + blake3(content).hexdigest()
    assert digests._of_sparse(os.open(path, os.O_RDONLY), len(content), digests.untold) == digests.of_bytes(content)
    reflink.copy(path, path.with_name("copy"))
    assert path.with_name("copy").read_bytes() == content


def test_a_large_sparse_file_takes_no_room_in_the_store_or_a_copy(tmp_path: Path, objects: Objects) -> None:
    path = sparse(tmp_path / "big", 256 * MIB, (100 * MIB, b"x" * 4096))
    with path.open("rb") as source:
        digest, size = objects.copy(source)
    assert (digest, size) == (digests.of_file(path), 256 * MIB)
    reflink.copy(objects.find(digest), tmp_path / "copy")
    assert max(room(each) for each in (path, objects.find(digest), tmp_path / "copy")) < 4 * MIB
    objects.verify(digest)


@pytest.mark.parametrize(
    "content", [b"", bytes(10), bytes(MIB), bytes(2 * MIB) + b"x", b"x" + bytes(3 * MIB), bytes(MIB + 1)]
)
def test_zeros_at_the_end_are_kept(objects: Objects, content: bytes) -> None:
    digest, size = objects.copy(io.BytesIO(content))
    assert (size, objects.find(digest).read_bytes()) == (len(content), content)


def test_where_nobody_can_say_everything_is_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = sparse(tmp_path / "file", 3 * MIB)

    def refuse(*_: object) -> int:
        raise OSError(22, "Invalid argument")

    with path.open("rb") as file:
        assert list(holes.extents(file.fileno(), 3 * MIB)) == []
        monkeypatch.setattr(os, "lseek", refuse)
        assert list(holes.extents(file.fileno(), 3 * MIB)) == [(0, 3 * MIB)]
