"""The digest of the program that stands for an image where stages are processes: its folder, interpreter and variables.

So the record of an execution tells whether two ran the same program, as the digest of an image does. Files are read
once, and again when their inode, size or times have changed. What Python and git keep for themselves is no program.
"""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from blake3 import blake3

from runner.process.program_folders import HostImage
from runner.store.digests import PREFIX, Changing, DigestCache

MOST_FILES = 20_000
MOST_BYTES = 1 << 30
LEFT_OUT = frozenset({".git", "__pycache__"})


class NoDigest(Exception):
    """The folder is too large, or cannot be read; the text says which."""


def digest(image: HostImage, cache: DigestCache) -> str:
    """The same for the same names, contents and x-bits. NoDigest."""
    assert image.folder is not None
    state = blake3()
    _add(state, "interpreter", str(image.interpreter or ""))
    for name, value in sorted(image.environment.items()):
        _add(state, "variable", name, value)
    files = size = 0
    try:
        for path, found in _entries(image.folder):
            files, size = files + 1, size + (found.st_size if stat.S_ISREG(found.st_mode) else 0)
            if files > MOST_FILES or size > MOST_BYTES:
                raise NoDigest(f"{image.folder} has more than {MOST_FILES} files or {MOST_BYTES >> 30} GiB")
            _add(state, str(path.relative_to(image.folder)), *_row(path, found, cache))
    except Changing as error:
        raise NoDigest(str(error)) from None
    except OSError as error:
        raise NoDigest(f"{error.filename or image.folder} cannot be read: {error.strerror or error}") from None
    return PREFIX + state.hexdigest()


def _entries(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """Everything below that is no folder, in the order of its names. Links are not followed. OSError."""
    with os.scandir(folder) as found:
        entries = sorted(found, key=lambda entry: entry.name)
    for entry in entries:
        if entry.name in LEFT_OUT or entry.name.endswith(".pyc"):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _entries(Path(entry.path))
        else:
            yield Path(entry.path), entry.stat(follow_symlinks=False)


def _row(path: Path, found: os.stat_result, cache: DigestCache) -> tuple[str, ...]:
    if stat.S_ISLNK(found.st_mode):
        return "link", os.readlink(path)
    if not stat.S_ISREG(found.st_mode):
        return ("special",)  # a pipe or device: to read it could take for ever
    return "program" if found.st_mode & stat.S_IXUSR else "file", cache.file(path)


def _add(state: blake3, *fields: str) -> None:
    state.update(os.fsencode("\0".join(fields)) + b"\n")
