"""Contents of files, each kept once under its digest.

    ROOT/objects/ab/cdef…      a content: BLAKE3 `abcdef…`, mode 0644
    ROOT/objects/ab/cdef….x    the same as a program, 0755: a hard link cannot have another mode than its file
    ROOT/tmp/                  what is being written

An object appears whole or not at all, and is never changed: link trees and uppers of overlays share its inode. It
belongs to the stages' user, or a stage could not change, in its own copy, what an earlier one left.
"""

import errno
import os
import secrets
import threading
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import BinaryIO

from blake3 import blake3

from runner.durable import sync
from runner.store import digests, holes, writeback
from runner.store.errors import DamagedObject, MissingObject, StoreError
from runner.store.pins import Pins
from runner.store.reflink import fill

PIECE = 1 << 20
SYNCED = 16
"""Files whose way to the disk is waited for at once."""
MANY = 2000
"""Files from which on the whole file system is waited for: it also waits for what others write, but once."""
NO_LINK = (errno.EMLINK, errno.EXDEV, errno.EPERM, errno.ENOTSUP, errno.ENOSYS)

Owner = tuple[int, int]
"""uid and gid of every stage of this node."""


class Objects:
    """`durable` writes through to the disk before an object counts as stored."""

    def __init__(self, root: Path, owner: Owner, *, durable: bool = True) -> None:
        self.root, self.owner, self.durable = root.absolute(), owner, durable
        self.cache = digests.DigestCache()
        self._later = threading.local()
        self.folder, self.tmp = self.root / "objects", self.root / "tmp"
        self._top = str(self.folder)

    # -- looking ----------------------------------------------------------------------------------------------------

    def path(self, digest: str, executable: bool = False) -> Path:
        if not digests.is_digest(digest):
            raise StoreError(f"{digest[:80]!r} is no digest: blake3: and 64 digits")
        return self.folder / place(digest, executable)

    def _path(self, digest: str, executable: bool) -> str:
        """The same of a digest that was made here, in a quarter of the time."""
        return f"{self._top}/{place(digest, executable)}"

    def find(self, digest: str) -> Path:
        """Where its content lies, whichever mode it was stored with. MissingObject."""
        for executable in (False, True):
            if (path := self.path(digest, executable)).is_file():
                return path
        raise MissingObject(f"the store {self.root} has no object {digest}")

    def has(self, digest: str) -> bool:
        try:
            self.find(digest)
        except MissingObject:
            return False
        return True

    def open(self, digest: str) -> BinaryIO:
        return self.find(digest).open("rb")

    def read(self, digest: str, most: int = 1 << 30) -> bytes:
        """All of a small object, verified. MissingObject, DamagedObject."""
        with self.open(digest) as file:
            content = file.read(most + 1)
        if len(content) > most:
            raise StoreError(f"{digest} is larger than {most} bytes")
        if digests.of_bytes(content) != digest:
            raise _damaged(digest)
        return content

    def stream(self, digest: str) -> Iterator[bytes]:
        """Pieces of any object; DamagedObject after the last one if they were not its content."""
        state = blake3()
        with self.open(digest) as file:
            while piece := file.read(PIECE):
                state.update(piece)
                yield piece
        if digests.PREFIX + state.hexdigest() != digest:
            raise _damaged(digest)

    def verify(self, digest: str) -> None:
        if digests.of_file(self.find(digest)) != digest:
            raise _damaged(digest)

    # -- storing ----------------------------------------------------------------------------------------------------

    def put(self, content: bytes) -> str:
        digest = digests.of_bytes(content)
        if not self._stored(self._path(digest, False), len(content)):
            with self._temporary() as (path, file):
                file.write(content)
                self._keep(path, file, digest, False)
        return digest

    def renew(self, content: bytes) -> None:
        """In place of what is damaged, and never away in between."""
        with self._temporary() as (path, file):
            file.write(content)
            self._keep(path, file, digests.of_bytes(content), False)

    def copy(
        self, source: BinaryIO, executable: bool = False, expected: str | None = None, pins: Pins | None = None
    ) -> tuple[str, int]:
        """Digest and size of a content that somebody else owns: read once, hashed on the way.

        What is not `expected` is not kept. DamagedObject. `pins`: it is not deleted before something names it.
        """
        state, size, begun = blake3(), 0, 0
        with self._temporary() as (path, file):
            while piece := source.read(PIECE):
                state.update(piece)
                size += holes.write(file, piece)
                if self.durable and size - begun >= writeback.EVERY:
                    file.flush()
                    writeback.begin(file.fileno(), begun, size - begun)
                    begun = size
            file.truncate(size)
            digest = digests.PREFIX + state.hexdigest()
            if expected and digest != expected:
                raise DamagedObject(f"asked for {expected}, and got {digest}")
            with pins.adding(digest) if pins else nullcontext():
                if not self._stored(self._path(digest, executable), size):
                    self._keep(path, file, digest, executable)
        return digest, size

    def adopt(self, path: Path | str, executable: bool) -> tuple[str, int]:
        """Digest and size of a file that nobody writes to any more: it becomes the object itself, by a link."""
        before = os.stat(path, follow_symlinks=False)
        digest = self.cache.file(path)
        if not self._stored(self._path(digest, executable), before.st_size):
            self._link(path, digest, executable)
        return digest, before.st_size

    def _link(self, path: Path | str, digest: str, executable: bool) -> None:
        target = self._path(digest, executable)
        try:
            with open(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW), "rb") as file:
                if os.fstat(file.fileno()).st_nlink > 1:
                    raise OSError(errno.EPERM, "its other names may be somebody else's")
                self._dress(file.fileno(), executable)
            self._linked(path, target)
            self._through(target)
        except OSError as error:
            if error.errno not in NO_LINK:
                raise
            with open(path, "rb") as source:
                self._copied(source, digest, executable)

    def _linked(self, path: Path | str, target: str) -> None:
        try:
            os.link(path, target, follow_symlinks=False)
        except FileExistsError:
            self._replaced(path, target)
        except FileNotFoundError:
            os.makedirs(os.path.dirname(target), exist_ok=True)
            self._replaced(path, target)

    def _replaced(self, path: Path | str, target: str) -> None:
        """In place of one that was cut off, and never away in between: other threads store the same."""
        self.tmp.mkdir(parents=True, exist_ok=True)
        part = self.tmp / secrets.token_hex(16)
        os.link(path, part, follow_symlinks=False)
        try:
            os.rename(part, target)
        finally:
            part.unlink(missing_ok=True)  # a rename onto another name of the same file does nothing

    def _copied(self, source: BinaryIO, digest: str, executable: bool) -> None:
        with self._temporary() as (path, file):
            fill(source, file)
            self._keep(path, file, digest, executable)

    def variant(self, digest: str, executable: bool, size: int) -> Path:
        """The object with this mode, made from the other one where need be. MissingObject, DamagedObject."""
        wanted = self.path(digest, executable)
        if not wanted.is_file():
            with self.open(digest) as source:
                self._copied(source, digest, executable)
        if wanted.stat().st_size != size:
            raise _damaged(digest)
        return wanted

    def _stored(self, path: str, size: int) -> bool:
        """One that was cut off, by a power cut, does not count. One that is whole may still have to reach the disk:
        who stored it may be at it, or was killed.
        """
        try:
            whole = os.stat(path).st_size == size
        except FileNotFoundError:
            return False
        if whole and self.durable and (waiting := self._waiting) is not None:
            waiting.append(path)
        return whole

    def _temporary(self) -> "_Temporary":
        self.tmp.mkdir(parents=True, exist_ok=True)
        return _Temporary(self.tmp / secrets.token_hex(16))

    def _keep(self, path: Path, file: BinaryIO, digest: str, executable: bool) -> None:
        file.flush()
        self._dress(file.fileno(), executable)
        target = self._path(digest, executable)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.rename(path, target)
        self._through(target)

    def _dress(self, file: int, executable: bool) -> None:
        """Owner and mode of an object, and nothing beside its content."""
        with suppress(OSError):  # a label of SELinux stays
            for name in os.listxattr(file):
                os.removexattr(file, name)
        os.fchmod(file, 0o755 if executable else 0o644)
        own(file, self.owner)

    # -- to the disk ------------------------------------------------------------------------------------------------

    @contextmanager
    def together(self) -> Iterator[list[Path]]:
        """What this thread stores in the block is written through at its end, with one wait for the disk and not many:
        contents and folders in any order, for nothing names them before. Files of others may be added to the list.
        """
        self._later.paths = waiting = list[str]()
        others = list[Path]()
        try:
            yield others
        finally:
            del self._later.paths
        if len(waiting) > MANY and writeback.whole(self.root):
            waiting = []
        _sync_all([*others, *waiting, *{os.path.dirname(path) for path in waiting}])

    @property
    def _waiting(self) -> list[str] | None:
        """Of a thread that stores `together`."""
        found: list[str] | None = getattr(self._later, "paths", None)
        return found

    def joined(self) -> Callable[[], None]:
        """For a thread that stores for this one: what it stores is written through with what this one does."""
        waiting = self._waiting

        def join() -> None:
            if waiting is not None:
                self._later.paths = waiting

        return join

    def _through(self, path: str) -> None:
        """After a power cut an object that was not written through may be cut off, which its size shows."""
        if not self.durable:
            return
        if (waiting := self._waiting) is not None:
            waiting.append(path)
        else:
            sync(path)
            sync(os.path.dirname(path))


def _sync_all(paths: Collection[Path | str]) -> None:
    """Many at once: the file system makes one journal entry of those that wait together."""
    with ThreadPoolExecutor(max(1, min(len(paths) // 2, SYNCED)), "sync") as pool:
        list(pool.map(sync, paths))


def place(digest: str, executable: bool) -> str:
    """Where an object lies below the folder of all."""
    name = digest.removeprefix(digests.PREFIX)
    return f"{name[:2]}/{name[2:]}{'.x' if executable else ''}"


def own(path: Path | str | int, owner: Owner) -> None:
    """Only root gives files away; anybody else's stages run as the same user anyway."""
    if os.geteuid() == 0:
        os.chown(path, *owner, **({} if isinstance(path, int) else {"follow_symlinks": False}))


class _Temporary:
    """A file that goes when the block ends, unless it was renamed."""

    def __init__(self, path: Path) -> None:
        self.path, self.file = path, path.open("xb")

    def __enter__(self) -> tuple[Path, BinaryIO]:
        return self.path, self.file

    def __exit__(self, *_: object) -> None:
        self.file.close()
        self.path.unlink(missing_ok=True)


def _damaged(digest: str) -> DamagedObject:
    return DamagedObject(f"object {digest} is damaged on this node's disk: fetch it again, or redo what made it")
