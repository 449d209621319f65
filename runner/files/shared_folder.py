"""A folder of files that people put in and take out: the pool, or the files of a project.

What is put in is not there until it is whole: it grows beside its place as `NAME.part`, goes on after an interruption
if the source is still the same file, and takes its place once what was written reads back as what was read.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from blake3 import blake3

from runner import durable
from runner.store.digests import PREFIX, of_file

PART, NOTE = ".part", ".part.json"
PIECE = 1 << 20
LONGEST_NAME, LONGEST_PATH = 255, 4000

Progress = Callable[[int, int], None]
"""Bytes done, and bytes in all."""


class ShelfError(Exception):
    """It cannot be done; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Item:
    path: str
    bytes: int
    folder: bool = False


class Shelf:
    """`name` is what people are told of it, where they need not know the folder."""

    def __init__(self, root: Path, name: str = "") -> None:
        self.root, self.name = root, name or str(root)

    def place(self, path: str) -> Path:
        """Where a relative path lies. ShelfError for one that leaves the folder, or cannot be a file's."""
        parts = [part for part in path.split("/") if part]
        bad = path.startswith("/") or "\0" in path or len(os.fsencode(path)) > LONGEST_PATH
        if bad or any(part in (".", "..") or len(os.fsencode(part)) > LONGEST_NAME for part in parts):
            raise ShelfError(f"{path[:80]!r} is no path inside this folder")
        if parts and (parts[-1].endswith((PART, NOTE))):
            raise ShelfError(f"{path[:80]!r}: names that end in {PART} are of files that are not complete")
        place = self.root.joinpath(*parts)
        nearest = place
        while not nearest.exists() and nearest != self.root:
            nearest = nearest.parent
        root, real = self.root.resolve(), nearest.resolve()
        if real != root and root not in real.parents:
            raise ShelfError(f"{path[:80]!r} leads out of {self.name} by a link")
        return place

    def items(self, path: str = "") -> Iterator[Item]:
        """What lies directly in a folder; a file is its only item. ShelfError."""
        place = self.place(path)
        if place.is_file():
            yield Item(path, place.stat().st_size)
            return
        if not place.is_dir():
            raise ShelfError(f"there is no {path!r} in {self.name}" if path else f"{self.name} is not there yet")
        for entry in sorted(os.scandir(place), key=lambda entry: entry.name):
            if not entry.name.endswith((PART, NOTE)) and (entry.is_file() or entry.is_dir()) and self._within(entry):
                name = f"{path.rstrip('/')}/{entry.name}" if path else entry.name
                yield Item(name, 0 if entry.is_dir() else entry.stat().st_size, entry.is_dir())

    def _within(self, entry: os.DirEntry[str] | Path) -> bool:
        """What leads outside is not there for anybody: it could not be read either."""
        return not entry.is_symlink() or Path(entry).resolve().is_relative_to(self.root.resolve())

    def files(self, path: str = "") -> Iterator[Item]:
        """Every file at and below a path; links to folders are not followed. ShelfError."""
        place = self.place(path)
        if place.is_file():
            yield from self.items(path)
            return
        for folder, _, names in os.walk(place):
            for name in sorted(names):
                full = Path(folder) / name
                if not name.endswith((PART, NOTE)) and full.is_file() and self._within(full):
                    yield Item(str(full.relative_to(self.root)), full.stat().st_size)

    def open(self, path: str) -> tuple[BinaryIO, int]:
        """A file, and its size. ShelfError, OSError."""
        place = self.place(path)
        if not place.is_file():
            raise ShelfError(f"there is no file {path!r} in {self.name}")
        file = place.open("rb")
        return file, os.fstat(file.fileno()).st_size

    def digest(self, path: str) -> str:
        """ShelfError, OSError."""
        place = self.place(path)
        if not place.is_file():
            raise ShelfError(f"there is no file {path!r} in {self.name}")
        return of_file(place)

    def put(
        self, source: Path, path: str, *, replace: bool = False, progress: Progress = lambda done, size: None
    ) -> str:
        """The digest of the file that is there now. ShelfError."""
        place = self.place(path)
        if place.exists() and not replace:
            raise ShelfError(f"{path} is there already; --replace puts the new one in its place")
        place.parent.mkdir(parents=True, exist_ok=True)
        part, note = place.with_name(place.name + PART), place.with_name(place.name + NOTE)
        with source.open("rb") as file:
            identity = identity_of(file.fileno())
            if durable.read(note) != identity:
                part.unlink(missing_ok=True)
                durable.write(note, identity)
            digest = _grow(file, part, int(str(identity["size"])), progress)
            if identity_of(file.fileno()) != identity:
                part.unlink(missing_ok=True)
                note.unlink(missing_ok=True)
                raise ShelfError(f"{source} changed while it was copied; nothing was put in, try again")
        if _digest(part) != digest:
            part.unlink(missing_ok=True)
            raise ShelfError(f"what was written of {source} does not read back; look at the disk of {self.name}")
        part.rename(place)
        note.unlink(missing_ok=True)
        return digest

    def remove(self, path: str) -> None:
        place = self.place(path)
        if place == self.root:
            raise ShelfError("name a file or folder to remove")
        if place.is_dir() and not place.is_symlink():
            shutil.rmtree(place)
        elif place.exists() or place.is_symlink():
            place.unlink()
        else:
            raise ShelfError(f"there is no {path!r} in {self.name}")


def identity_of(file: int) -> dict[str, object]:
    """What says of an open file whether it is still the same, as it was."""
    found = os.fstat(file)
    return {"device": found.st_dev, "inode": found.st_ino, "size": found.st_size, "changed": found.st_mtime_ns}


def _grow(source: BinaryIO, part: Path, size: int, progress: Progress) -> str:
    """Write what is missing; the digest of the source."""
    state, done = blake3(), 0
    with part.open("ab") as copy:
        have = copy.tell()
        while piece := source.read(PIECE):
            state.update(piece)
            new = piece[max(0, have - done) :]
            done += len(piece)
            if new:
                copy.write(new)
            progress(done, size)
        copy.flush()
        os.fsync(copy.fileno())
    return PREFIX + str(state.hexdigest())


def _digest(path: Path) -> str:
    state = blake3()
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            state.update(piece)
    return PREFIX + str(state.hexdigest())
