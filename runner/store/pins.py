"""What a person has put in is kept until something names it: people say what it is for only afterwards.

    ROOT/pins/<digest>     one empty file for each content; its time is when it was put in
    ROOT/pins/lock         held by who puts in, and alone by who deletes, in whatever process

A pin is written before it is looked whether the content is there already, so nobody deletes it in between.
"""

import fcntl
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from runner.store import digests

KEPT = 7 * 86_400.0
"""Seconds for which a content waits to be named, by this machine's clock. One that a request names waits for that."""
LOCK = "lock"


class Pins:
    def __init__(self, root: Path) -> None:
        self.folder = root / "pins"

    @contextmanager
    def adding(self, digest: str) -> Iterator[None]:
        """Pinned, and nobody deletes contents until the block ends."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with self._locked(fcntl.LOCK_SH):
            path = self._path(digest)
            path.touch()
            os.utime(path)
            yield

    @contextmanager
    def alone(self) -> Iterator[bool]:
        """False at once where somebody puts something in."""
        if not self.folder.is_dir():
            yield True
            return
        try:
            with self._locked(fcntl.LOCK_EX | fcntl.LOCK_NB):
                yield True
        except BlockingIOError:
            yield False

    @contextmanager
    def _locked(self, how: int) -> Iterator[None]:
        handle = os.open(self.folder / LOCK, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(handle, how)
            yield
        finally:
            os.close(handle)

    def all(self) -> tuple[frozenset[str], frozenset[str]]:
        """Contents that wait to be named, and those that have waited too long."""
        waiting, expired = set[str](), set[str]()
        for path in self.folder.glob("*"):
            if path.name == LOCK:
                continue
            with suppress(FileNotFoundError):
                late = time.time() - path.stat().st_mtime > KEPT
                (expired if late else waiting).add(f"{digests.PREFIX}{path.name}")
        return frozenset(waiting), frozenset(expired)

    def release(self, contents: Iterable[str]) -> None:
        """Something names them now."""
        for digest in contents:
            self._path(digest).unlink(missing_ok=True)

    def _path(self, digest: str) -> Path:
        return self.folder / digest.removeprefix(digests.PREFIX)
