"""A store read again: what the disk made of its objects."""

import io
from pathlib import Path

import pytest

from runner.store.check import check, named_by
from runner.store.errors import MissingObject
from runner.store.packed import Packed
from runner.store.workspaces import Workspaces


@pytest.fixture
def store(tmp_path: Path) -> Workspaces:
    made = Workspaces(tmp_path / "data", overlays=False)
    opened = made.open("v", 1, "c1")
    (opened.path / "d").mkdir()
    (opened.path / "d" / "a").write_bytes(b"a" * 3000)
    (opened.path / "b").write_bytes(b"b" * 3000)
    (opened.path / "b").chmod(0o755)
    made.finish("v", 1)
    return made


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[7] ^= 1
    path.write_bytes(content)


def test_of_a_whole_store_nothing_is_said(store: Workspaces) -> None:
    seen: list[tuple[int, int]] = []
    assert list(check(store.objects, lambda done, size: seen.append((done, size)))) == []
    assert seen[-1][0] == seen[-1][1] > 6000


@pytest.mark.parametrize("path", ["d/a", "b"])
def test_M11_what_is_damaged_is_named_and_out_of_the_way(store: Workspaces, path: str) -> None:
    digest = store.look("v", 1).row(path).value
    flip(store.objects.find(digest))
    found = list(check(store.objects))
    assert [each.digest for each in found] == [digest]
    assert found[0].aside.is_file()
    assert list(named_by(store.objects, store.data / "projects", digest)) == [("v", 1, path)]
    with pytest.raises(MissingObject):
        store.objects.find(digest)
    assert list(check(store.objects)) == []


def test_a_damaged_list_of_files_is_named_as_one(store: Workspaces) -> None:
    manifest = store.result("v", 1)
    assert manifest
    flip(store.objects.find(manifest))
    assert [each.digest for each in check(store.objects)] == [manifest]
    assert list(named_by(store.objects, store.data / "projects", manifest)) == [("v", 1, "")]


def test_R1450_M11_a_damaged_log_is_named_and_out_of_the_way(store: Workspaces) -> None:
    packed = Packed(store.objects.root)
    digests = [packed.put(io.BytesIO(bytes([n]) * 100_000), f"c{n}") for n in range(2)]
    assert list(check(store.objects)) == []
    flip(packed.path(digests[0]))
    found = list(check(store.objects))
    assert [each.digest for each in found] == [digests[0]]
    assert found[0].aside.is_file()
    assert [packed.has(digest) for digest in digests] == [False, True]
    assert list(check(store.objects)) == []
