"""What the stages left that another one needs: laid out beside its workspace, unmixed, and only to be read."""

import ctypes
import errno
from pathlib import Path

import pytest

from runner.process.shim import protect
from runner.store.errors import StoreError
from runner.store.workspaces import Workspaces
from tests.unit.runner.store.trees import inside_overlay, need_overlays


def left(store: Workspaces, number: int, text: str) -> str:
    """The manifest of an execution that left one file, of the same name as all others do."""
    opened = store.open("p", number, f"c{number}")
    root = opened.overlay.upper if opened.overlay else opened.path
    (root / "same.txt").write_text(text)
    return store.finish("p", number)


def laid(store: Workspaces) -> Path:
    one, two = left(store, 1, "left"), left(store, 2, "right")
    store.open("p", 3, "c3", one)
    return store.lay_beside("p", 3, [("left", one, []), ("detect/1", two, []), ("detect/2", one, [])])


def test_G3_results_lie_beside_each_other_and_never_overwrite_one_another(tmp_path: Path) -> None:
    store = Workspaces(tmp_path / "data", overlays=False)
    place = laid(store)
    files = {str(path.relative_to(place)): path.read_text() for path in place.rglob("*.txt")}
    assert files == {"left/same.txt": "left", "detect/1/same.txt": "right", "detect/2/same.txt": "left"}
    store.finish("p", 3)
    assert not place.exists()


def test_G3_they_are_links_into_the_store_which_nobody_can_write_to(tmp_path: Path) -> None:
    need_overlays(tmp_path)
    store = Workspaces(tmp_path / "data", overlays=True)
    place = laid(store)
    assert (place / "left/same.txt").stat().st_nlink > 1
    opened = store.open("p", 4, "c4")
    assert opened.overlay

    def work() -> int | None:
        protect(ctypes.CDLL(None, use_errno=True), str(place))
        try:
            (place / "left/same.txt").write_text("spoilt")
        except OSError as error:
            return error.errno
        return None

    assert inside_overlay(opened.overlay, opened.path, work) == errno.EROFS
    assert (place / "left/same.txt").read_text() == "left"


def test_what_is_not_here_is_told(tmp_path: Path) -> None:
    store = Workspaces(tmp_path / "data", overlays=False)
    store.open("p", 3, "c3")
    with pytest.raises(StoreError):
        store.lay_beside("p", 3, [("left", f"blake3:{7:064x}", [])])
