"""A folder of `main`, by the id of its tree, as the archive that an image is built from. Bounded, without links."""

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pygit2
from pygit2.enums import ObjectType

from state.contract.errors import Damaged, StateError
from state.git.clone import FOLDER, REGULAR, Clone

MOST_FILES = 20_000
MOST_BYTES = 1 << 30
DEEPEST = 32


class UnfitContext(StateError):
    """The folder cannot be a context; the text says why."""


def write_context(clone: Path, tree: str, file: Path) -> None:
    """Equal trees give equal archives, so that the engine's cache knows them again. UnfitContext; OSError."""
    try:
        opened = Clone(pygit2.Repository(str(clone)))
        entries = list(_entries(opened, tree, "", 0))
        part = file.with_suffix(".part")
        with tarfile.open(part, "w", format=tarfile.PAX_FORMAT) as archive:
            for path, blob, mode in entries:
                _add(archive, opened, path, blob, mode)
        part.rename(file)
    except (Damaged, pygit2.GitError, KeyError) as error:
        raise UnfitContext(f"the folder of tree {tree[:12]} cannot be read: {error}") from None


def _entries(clone: Clone, tree: str, prefix: str, depth: int) -> Iterator[tuple[str, str, int]]:
    """In one order. UnfitContext."""
    if depth > DEEPEST:
        raise UnfitContext(f"{prefix} lies deeper than {DEEPEST} folders")
    size = count = 0
    for name, (oid, mode) in sorted(clone.listing(tree).items()):
        path = f"{prefix}{name}"
        if mode == FOLDER:
            yield from _entries(clone, oid, f"{path}/", depth + 1)
        elif mode in REGULAR:
            count += 1
            size += int(clone.repo.odb.read_header(oid)[1])
            if size > MOST_BYTES or count > MOST_FILES:
                raise UnfitContext(f"the folder is too large: at most {MOST_FILES} files and {MOST_BYTES >> 30} GiB")
            yield path, oid, mode
        else:
            raise UnfitContext(f"{path} is a link or a submodule; images are built from plain files")


def _add(archive: tarfile.TarFile, clone: Clone, path: str, blob: str, mode: int) -> None:
    kind, content = clone.repo.odb.read(blob)
    if kind != ObjectType.BLOB:
        raise UnfitContext(f"{path} is no file")
    entry = tarfile.TarInfo(path)
    entry.size, entry.mode, entry.mtime = len(content), mode & 0o777, 0
    archive.addfile(entry, io.BytesIO(content))
