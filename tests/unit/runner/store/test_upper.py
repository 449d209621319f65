"""Folders read into rows: links are rows, and nobody is led out of the folder by one."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from runner.store.changes import Gone
from runner.store.manifest import RowKind
from runner.store.upper import changes, unread, walk


def test_S10_a_link_to_a_folder_is_a_row_and_nothing_behind_it_is_read(tmp_path: Path) -> None:
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "key").write_text("s")
    root = tmp_path / "root"
    root.mkdir()
    (root / "out").symlink_to(tmp_path / "secret")
    assert [(row.path, row.kind) for row in walk(root, unread)] == [("out", RowKind.LINK)]


def test_S10_a_folder_that_becomes_a_link_while_it_is_read_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stage swaps it between the look at it and its opening."""
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "key").write_text("s")
    root = tmp_path / "root"
    (root / "out").mkdir(parents=True)
    look: Callable[..., os.stat_result] = os.stat

    def swapped(path: object, **how: object) -> os.stat_result:
        found = look(path, **how)
        if path == b"out" and (root / "out").is_dir() and not (root / "out").is_symlink():
            (root / "out").rmdir()
            (root / "out").symlink_to(tmp_path / "secret")
        return found

    monkeypatch.setattr(os, "stat", swapped)
    assert [row.path for row in walk(root, unread)] == []


def test_S10_the_folder_itself_is_not_reached_by_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with pytest.raises(OSError, match=r"Not a directory|Too many levels"):
        walk(tmp_path / "link", unread)


def test_what_is_neither_file_nor_folder_is_no_part_of_a_tree_and_a_gone_file_of_an_upper(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert walk(tmp_path, unread) == []
    assert list(changes(tmp_path, unread)) == [Gone("pipe")]
