"""Files and folders copied to here: one bar for all of it, nothing half-done where somebody would look."""

import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from cli import progress, remote
from cli.errors import CommandError
from cli.places import FileAddress

if TYPE_CHECKING:
    from runner.store.tree import Tree


@dataclass(frozen=True, slots=True)
class FetchSource:
    """`path` is relative to the folder that is fetched, and empty for a single file."""

    path: str
    size: int
    open: Callable[[], BinaryIO]
    program: bool = False


def found(of: FileAddress) -> FetchSource | list[FetchSource]:
    """A file, or all files of a folder. StoreError, ShelfError, OSError."""
    return _of_tree(of, remote.look(of.project, of.execution)) if of.execution else _of_shelf(of)


def _of_tree(of: FileAddress, tree: "Tree") -> FetchSource | list[FetchSource]:
    from runner.store.manifest import RowKind

    top = tree.row(of.path)
    if top.kind.content:
        return FetchSource("", top.size, lambda: tree.opener(top), top.kind is RowKind.PROGRAM)
    prefix = f"{top.path}/" if top.path else ""
    return [
        FetchSource(row.path.removeprefix(prefix), row.size, partial(tree.opener, row), row.kind is RowKind.PROGRAM)
        for row in list(tree.files())
        if row.path.startswith(prefix)
    ]


def _of_shelf(of: FileAddress) -> FetchSource | list[FetchSource]:
    shelf, path = of.shelf, of.path.strip("/")
    items = list(shelf.items(path))
    if len(items) == 1 and items[0].path == path and not items[0].folder:
        return FetchSource("", items[0].bytes, lambda: shelf.open(path)[0])
    prefix = f"{path}/" if path else ""
    return [
        FetchSource(item.path.removeprefix(prefix), item.bytes, lambda item=item: shelf.open(item.path)[0])  # type: ignore[misc]
        for item in shelf.files(path)
    ]


def file(source: FetchSource, part: Path, target: Path) -> None:
    with progress.bar(target.name) as tell:
        _copied(source, part, 0, source.size, tell)
    part.replace(target)


def printed(of: FileAddress, what: str) -> None:
    """A single file on standard output. StoreError, ShelfError, OSError."""
    source = found(of)
    if isinstance(source, list):
        raise CommandError(f"{what} is a folder, and standard output takes one file", 2)
    with source.open() as file:
        shutil.copyfileobj(file, sys.stdout.buffer, progress.PIECE)


def folder(sources: list[FetchSource], part: Path, target: Path) -> None:
    if target.exists():
        raise CommandError(f"{target} is there already; name another with --to")
    total, done = sum(source.size for source in sources), 0
    forget(part)
    part.mkdir()
    with progress.bar(target.name) as tell:
        for source in sources:
            place = _inside(part, source.path)
            place.parent.mkdir(parents=True, exist_ok=True)
            done = _copied(source, place, done, total, tell)
    part.rename(target)


def _inside(folder: Path, path: str) -> Path:
    from runner.store.manifest import check_path, raw

    check_path(path)
    return folder / os.fsdecode(raw(path))


def _copied(source: FetchSource, target: Path, done: int, total: int, tell: Callable[[int, int], None]) -> int:
    with source.open() as file, target.open("wb") as copy:
        while piece := file.read(progress.PIECE):
            done += copy.write(piece)
            tell(done, max(total, done))
    if source.program:
        target.chmod(0o755)
    return done


def forget(part: Path) -> None:
    if part.is_dir() and not part.is_symlink():
        shutil.rmtree(part, ignore_errors=True)
    else:
        part.unlink(missing_ok=True)
