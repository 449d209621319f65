"""BLAKE3 of files, and which files need not be read again."""

import io
import os
import re
import stat
import threading
import time
from collections.abc import Callable
from pathlib import Path

from blake3 import blake3

from runner.store import holes

PREFIX = "blake3:"
PIECE = 2 << 20
"""What is read and hashed at once, by all cores. Never mapped: a file cut short meanwhile would end the process."""
TICK_NS = 20_000_000
"""Longer than a file system's clock takes from one time to the next."""
_HEX = re.compile(r"[0-9a-f]{64}")

Stamp = tuple[int, int, int, int, int]
Tell = Callable[[int, int], None]
"""Told now and then how many bytes are done, of how many."""


class Changing(OSError):
    """A file that somebody writes to while it is read."""


def is_digest(text: object) -> bool:
    return isinstance(text, str) and text.startswith(PREFIX) and _HEX.fullmatch(text, len(PREFIX)) is not None


def of_bytes(content: bytes) -> str:
    return PREFIX + blake3(content).hexdigest()


def untold(done: int, size: int) -> None:
    pass


def of_file(path: Path | str, tell: Tell = untold) -> str:
    """`blake3:<hex>` of a file's content."""
    with open(os.open(path, os.O_RDONLY | os.O_CLOEXEC), "rb", buffering=0) as file:
        found = os.fstat(file.fileno())
        if found.st_size < PIECE:
            return of_bytes(file.readall())
        if holes.sparse(found):
            return _of_sparse(file.fileno(), found.st_size, tell)
        return _of_pieces(file, found.st_size, tell)


def _of_pieces(file: io.FileIO, size: int, tell: Tell) -> str:
    state, done, piece = blake3(max_threads=blake3.AUTO), 0, memoryview(bytearray(PIECE))
    while count := file.readinto(piece):
        state.update(piece[:count])
        done += count
        tell(done, size)
    return PREFIX + state.hexdigest()


def _of_sparse(file: int, size: int, tell: Tell) -> str:
    """Holes are hashed as the zeros they read as, and nothing is read for them."""
    state, done = blake3(max_threads=blake3.AUTO), 0
    for start, length in holes.extents(file, size):
        _zeros(state, start - done)
        for offset in range(start, start + length, PIECE):
            state.update(os.pread(file, min(PIECE, start + length - offset), offset))
            tell(offset, size)
        done = start + length
    _zeros(state, size - done)
    return PREFIX + state.hexdigest()


def _zeros(state: blake3, count: int) -> None:
    blank = memoryview(bytes(min(count, PIECE)))
    while count > 0:
        state.update(blank[:count])
        count -= PIECE


def stamp(of: os.stat_result) -> Stamp:
    """Changes whenever the content does, as long as nobody writes to the disk behind the file system."""
    return (of.st_dev, of.st_ino, of.st_size, of.st_mtime_ns, of.st_ctime_ns)


class DigestCache:
    """Digests of files by device, inode, size and both times. For threads; forgets the oldest.

    A file that was changed just now could be changed again without another time: its digest is not remembered.
    """

    def __init__(self, most: int = 1_000_000, now: Callable[[], int] = time.time_ns) -> None:
        self.most, self.now = most, now
        self._known: dict[Stamp, str] = {}
        self._lock = threading.Lock()

    def file(self, path: Path | str, tell: Tell = untold) -> str:
        """OSError for what is no regular file, and for one that changes while it is read."""
        before = os.stat(path)
        if not stat.S_ISREG(before.st_mode):
            raise OSError(f"{path} is no regular file")
        if known := self.known(before):
            return known
        digest = of_file(path, tell)
        if stamp(os.stat(path)) != stamp(before):
            raise Changing(f"{path} changed while it was read")
        if self.now() - before.st_ctime_ns > TICK_NS:
            self.learn(before, digest)
        return digest

    def known(self, of: os.stat_result) -> str | None:
        return self._known.get(stamp(of))

    def learn(self, of: os.stat_result, digest: str) -> None:
        with self._lock:
            if len(self._known) >= self.most:
                del self._known[next(iter(self._known))]
            self._known[stamp(of)] = digest
