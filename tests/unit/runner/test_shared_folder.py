"""Files that people put in: whole or not there, resumed, never outside."""

import os
from pathlib import Path

import pytest

from runner.files.shared_folder import PART, Shelf, ShelfError


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    (tmp_path / "pool").mkdir()
    return Shelf(tmp_path / "pool")


def source(tmp_path: Path, content: bytes = b"x" * 3_000_000) -> Path:
    path = tmp_path / "source.bin"
    path.write_bytes(content)
    return path


def test_R1310_R1320_what_is_put_in_is_there_and_nothing_else(shelf: Shelf, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    shelf.put(source(tmp_path), "a/b.bin", progress=lambda done, size: seen.append((done, size)))
    assert (shelf.root / "a/b.bin").read_bytes() == b"x" * 3_000_000
    assert seen[-1] == (3_000_000, 3_000_000)
    assert [(item.path, item.folder) for item in shelf.items()] == [("a", True)]
    assert sorted(os.listdir(shelf.root / "a")) == ["b.bin"]
    with pytest.raises(ShelfError, match="there already"):
        shelf.put(tmp_path / "source.bin", "a/b.bin")


class Killed(Exception):
    pass


def cut(after: int):  # type: ignore[no-untyped-def]
    def progress(done: int, size: int) -> None:
        if done >= after:
            raise Killed

    return progress


def test_F24_what_was_cut_is_not_visible_and_goes_on(shelf: Shelf, tmp_path: Path) -> None:
    content = os.urandom(4_000_000)
    file = source(tmp_path, content)
    with pytest.raises(Killed):
        shelf.put(file, "v.mp4", progress=cut(2_000_000))
    assert list(shelf.items()) == []
    assert list(shelf.files()) == []
    before = (shelf.root / f"v.mp4{PART}").stat().st_size
    assert before >= 2_000_000
    shelf.put(file, "v.mp4")
    assert (shelf.root / "v.mp4").read_bytes() == content


def test_F24_another_source_begins_anew(shelf: Shelf, tmp_path: Path) -> None:
    file = source(tmp_path, b"a" * 3_000_000)
    with pytest.raises(Killed):
        shelf.put(file, "v", progress=cut(2_000_000))
    file.write_bytes(b"b" * 3_000_000)
    shelf.put(file, "v")
    assert set((shelf.root / "v").read_bytes()) == {ord("b")}


def test_F24_a_source_that_changes_meanwhile_is_refused(shelf: Shelf, tmp_path: Path) -> None:
    file = source(tmp_path)

    def change(done: int, size: int) -> None:
        with file.open("ab") as more:
            more.write(b"y")
        os.utime(file, ns=(1, done))

    with pytest.raises(ShelfError, match="changed while"):
        shelf.put(
            file, "v", progress=lambda done, size: change(done, size) if done == 3 << 20 or done == size else None
        )
    assert list(shelf.root.iterdir()) == []


@pytest.mark.parametrize(
    "path", ["../x", "/etc/x", "a/../../x", "a\0b", "n" * 300, "x/" * 3000, "v.mp4.part", "out/x", "."]
)
def test_S9_no_path_leads_out(shelf: Shelf, tmp_path: Path, path: str) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "x").write_text("mine")
    (shelf.root / "out").symlink_to(outside)
    for action in (lambda: shelf.put(source(tmp_path), path, replace=True), lambda: shelf.remove(path)):
        with pytest.raises(ShelfError):
            action()
    assert (outside / "x").read_text() == "mine"
    assert sorted(os.listdir(tmp_path)) == ["outside", "pool", "source.bin"]


def test_a_folder_is_removed_and_a_link_only_itself(shelf: Shelf, tmp_path: Path) -> None:
    shelf.put(source(tmp_path), "a/b")
    (shelf.root / "link").symlink_to(tmp_path / "source.bin")
    shelf.remove("a")
    assert not (shelf.root / "a").exists()
    with pytest.raises(ShelfError, match="by a link"):
        shelf.remove("link")


def test_S9_a_link_that_leads_out_is_in_no_listing_and_hides_nothing_else(shelf: Shelf, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").touch()
    shelf.root.mkdir(exist_ok=True)
    (shelf.root / "here").write_text("x")
    (shelf.root / "inside").symlink_to(shelf.root / "here")
    (shelf.root / "file").symlink_to(tmp_path / "outside" / "secret")
    (shelf.root / "folder").symlink_to(tmp_path / "outside")
    assert [item.path for item in shelf.items()] == ["here", "inside"]
    assert [item.path for item in shelf.files()] == ["here", "inside"]
