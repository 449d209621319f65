"""New complete files of the pool, for triggers. A file counts as complete once nothing of it changed for a while."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from controller.triggers.trigger_memory import FileNotes, Stamp
from flow.triggers.firings import Firing, of_file
from runner.files.shared_folder import NOTE, PART
from schema.globs import compiled
from schema.trigger import Trigger

FORGOTTEN = 7 * 86400.0
"""Seconds that the note of a file is kept though it is not there: its folder may only be away for a while."""


class PoolNews:
    """`clock` are seconds that never jump; `digest` reads a file as a whole."""

    def __init__(self, pool: Path, notes: FileNotes, clock: Callable[[], float], digest: Callable[[Path], str]) -> None:
        self.pool, self.notes, self.clock, self.digest = pool, notes, clock, digest
        self._since: dict[tuple[str, str], tuple[Stamp, float]] = {}  # how long a file is as it is, by trigger and path
        self._read: dict[str, tuple[Stamp, str]] = {}  # digests of what is not made yet
        self._absent: dict[tuple[str, str], float] = {}  # since when a known file is not there, by trigger and path

    def settled(self, name: str, trigger: Trigger) -> list[tuple[str, Stamp]]:
        """Files that are new, and whole. OSError where the pool cannot be read.

        A pool that is empty all at once may be away: of it nothing is concluded.
        """
        assert trigger.pool
        there = dict(self._files(trigger.pool.files))
        known = self.notes.known.get(name)
        if known and not there:
            return []
        if known is None:
            known = {} if trigger.pool.existing else there
        self.notes.keep(name, self._remembered(name, known, there))
        self._since = {each: seen for each, seen in self._since.items() if each[0] != name or each[1] in there}
        news = sorted((path, stamp) for path, stamp in there.items() if known.get(path) != stamp)
        return [each for each in news if self._settled(name, *each, trigger.pool.settle)]

    def firings(self, name: str, files: Sequence[tuple[str, Stamp]]) -> dict[Firing, tuple[str, Stamp]]:
        """What they want; equal contents want the same."""
        digests = ((path, stamp, self._digest(path, stamp)) for path, stamp in files)
        return {of_file(name, path, digest): (path, stamp) for path, stamp, digest in digests if digest}

    def made(self, name: str, files: Sequence[tuple[str, Stamp]]) -> None:
        """Once what they want is on `main`."""
        self.notes.keep(name, {**self.notes.known.get(name, {}), **dict(files)})
        for path, _ in files:
            self._read.pop(path, None)
            self._since.pop((name, path), None)

    def _remembered(self, name: str, known: Mapping[str, Stamp], there: Mapping[str, Stamp]) -> dict[str, Stamp]:
        """What is known, without the files that have not been there for long."""
        now = self.clock()
        before = {path: since for (of, path), since in self._absent.items() if of == name}
        absent = {path: before.get(path, now) for path in known if path not in there}
        others = {each: since for each, since in self._absent.items() if each[0] != name}
        self._absent = others | {(name, path): since for path, since in absent.items()}
        return {path: stamp for path, stamp in known.items() if now - absent.get(path, now) < FORGOTTEN}

    def _settled(self, name: str, path: str, stamp: Stamp, settle: float) -> bool:
        before, since = self._since.setdefault((name, path), (stamp, self.clock()))
        if before != stamp:
            self._since[name, path] = (stamp, self.clock())
            return settle <= 0
        return self.clock() - since >= settle

    def _digest(self, path: str, stamp: Stamp) -> str:
        """Nothing where it changed while it was read, or cannot be read."""
        before, digest = self._read.get(path, (None, ""))
        if before != stamp:
            try:
                digest = self.digest(self.pool / path)
            except OSError:
                return ""
            if _stamp(self.pool / path) != stamp:
                return ""
            self._read[path] = (stamp, digest)
        return digest

    def _files(self, pattern: str) -> Iterator[tuple[str, Stamp]]:
        """Links to folders are not followed; what is not whole yet is not there. OSError."""
        matches = compiled(pattern).fullmatch
        for folder, _, names in os.walk(self.pool, onerror=self._unread):
            inside = os.path.relpath(folder, self.pool)
            for name in names:
                path = name if inside == "." else f"{inside}/{name}"
                if not name.endswith((PART, NOTE)) and matches(path) and (stamp := _stamp(self.pool / path)):
                    yield path, stamp

    def _unread(self, error: OSError) -> None:
        """A folder inside that this node may not read, like `lost+found`, holds up nothing."""
        if not isinstance(error, PermissionError) or error.filename == str(self.pool):
            raise error


def _stamp(path: Path) -> Stamp | None:
    try:
        found = path.lstat()
    except OSError:
        return None
    regular = (found.st_mode & 0o170000) == 0o100000
    return (found.st_size, found.st_mtime_ns, found.st_ino) if regular else None
