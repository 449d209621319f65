"""Folders read into rows: a whole tree, or what an overlay's upper says was changed.

A stage may still be writing, and be hostile: every folder is opened without following links, and asked what it is.
What is neither file, directory nor link (sockets, pipes, devices) is no part of a workspace.
"""

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from runner.store.changes import Change, Gone, Opaque
from runner.store.errors import BadManifest
from runner.store.manifest import Row, RowKind, text_of

OPAQUE = b"trusted.overlay.opaque"
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC

DEEPEST = 200

Contents = Callable[[str, os.stat_result], Row]
"""From the path of a regular file in the tree to its row."""


def unread(path: str, found: os.stat_result) -> Row:
    """A file as it is now, without looking into it."""
    return Row(path, kind_of(found), found.st_size)


def kind_of(found: os.stat_result) -> RowKind:
    return RowKind.PROGRAM if found.st_mode & stat.S_IXUSR else RowKind.FILE


def walk(root: Path, contents: Contents) -> list[Row]:
    """Everything below a folder."""
    return [row for row in _walk(os.open(root, FOLDER), "", contents) if isinstance(row, Row)]


def changes(upper: Path, contents: Contents) -> Iterator[Change]:
    """What the upper of an overlay says was changed, in canonical order."""
    return _walk(os.open(upper, FOLDER), "", contents, overlay=True)


def _walk(folder: int, prefix: str, contents: Contents, *, overlay: bool = False, depth: int = 0) -> Iterator[Change]:
    """Parents before children. Closes `folder`."""
    try:
        if depth > DEEPEST:
            raise BadManifest(f"{prefix[:200]!r}… is deeper than {DEEPEST} folders")
        for name in sorted(os.fsencode(name) for name in os.listdir(folder)):
            yield from _look(folder, name, prefix + text_of(name), contents, overlay, depth)
    finally:
        os.close(folder)


def _look(folder: int, name: bytes, path: str, contents: Contents, overlay: bool, depth: int) -> Iterator[Change]:
    target, inside = b"", -1
    try:
        found = os.stat(name, dir_fd=folder, follow_symlinks=False)
        if stat.S_ISDIR(found.st_mode):
            inside = os.open(name, FOLDER, dir_fd=folder)
        elif stat.S_ISLNK(found.st_mode):
            target = os.readlink(name, dir_fd=folder)
    except (FileNotFoundError, NotADirectoryError):
        return  # gone since the names were read: a stage at work
    if inside >= 0:
        if overlay and _opaque(inside):
            yield Opaque(path)
        yield Row(path, RowKind.DIRECTORY)
        yield from _walk(inside, f"{path}/", contents, overlay=overlay, depth=depth + 1)
    elif target:
        yield Row(path, RowKind.LINK, 0, text_of(target))
    elif stat.S_ISREG(found.st_mode):
        yield contents(path, found)
    elif overlay:
        yield Gone(path)  # a whiteout, or what took the place of a file and is no file


def _opaque(folder: int) -> bool:
    try:
        return os.getxattr(folder, OPAQUE) == b"y"
    except OSError:
        return False
