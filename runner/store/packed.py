"""Contents that are kept packed, under the digest of what they are when unpacked: full logs of executions that ended.

    ROOT/packed/ab/cdef….gz         BLAKE3 `abcdef…` of what `blocks` makes of it
    ROOT/packed/ab/cdef….<name>     one for each that it is kept for: a container, or `fetched` for what came from afar

A content goes with the last that it is kept for. That stands in the store and not on a node, so a store that nodes
share gives it back as well. Names are written before the content and removed before it: cut off anywhere, nothing is
there that nobody would remove, as long as who asked asks again.
"""

import os
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from runner.durable import sync
from runner.store import digests
from runner.store.blocks import Blocks, DamagedBlocks, most_bytes, pack
from runner.store.errors import DamagedObject, MissingObject, StoreError

END = ".gz"
FETCHED = "fetched"
PIECE = 1 << 20


class Packed:
    """`root` is a store's. Nothing here needs a lock, in whatever process or node it happens."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self.folder, self.tmp = self.root / "packed", self.root / "tmp"

    # -- looking ----------------------------------------------------------------------------------------------------

    def path(self, digest: str) -> Path:
        return self._beside(digest, END)

    def _beside(self, digest: str, end: str) -> Path:
        if not digests.is_digest(digest):
            raise StoreError(f"{digest[:80]!r} is no digest: blake3: and 64 digits")
        name = digest.removeprefix(digests.PREFIX)
        return self.folder / name[:2] / f"{name[2:]}{end}"

    def has(self, digest: str) -> bool:
        return self.path(digest).is_file()

    def find(self, digest: str) -> Blocks:
        """MissingObject, DamagedObject, OSError."""
        try:
            return Blocks(self.path(digest))
        except FileNotFoundError:
            raise MissingObject(f"the store {self.root} has no packed {digest}") from None

    def whole(self, digest: str) -> bool:
        """Whether it is here and what it should be, read from the disk. OSError."""
        try:
            return self.find(digest).digest() == digest
        except StoreError:
            return False

    def all(self) -> Iterator[tuple[str, Path]]:
        """Every content, by digest."""
        for path in sorted(self.folder.glob(f"*/*{END}")):
            yield f"{digests.PREFIX}{path.parent.name}{path.name.removesuffix(END)}", path

    def names(self) -> Iterator[tuple[str, str, Path]]:
        """Digest, name and note of everything that something is kept for."""
        for path in self.folder.glob("*/*.*"):
            stem, _, name = path.name.partition(".")
            if f".{name}" != END:
                yield f"{digests.PREFIX}{path.parent.name}{stem}", name, path

    # -- storing ----------------------------------------------------------------------------------------------------

    def put(self, source: BinaryIO, name: str, before: Callable[[str], None] = lambda digest: None) -> str:
        """Keep a content for `name`; its digest, of which `before` hears before anything is kept. OSError."""
        with self._part() as (part, file):
            digest, _ = pack(source, file)
            file.flush()
            if Blocks(part).digest() != digest:
                raise DamagedBlocks(f"what was written to {part} does not read back; look at the disk")
            before(digest)
            self._name(digest, name, "")
            if not self.whole(digest):
                self._keep(part, file, digest)
        return digest

    def take(self, source: BinaryIO, digest: str, size: int, whose: str) -> None:
        """Keep what another store has packed, of a content of `size` bytes. DamagedObject where it is not that."""
        with self._part() as (part, file):
            left = most_bytes(size)
            while left >= 0 and (piece := source.read(PIECE)):
                left -= len(piece)
                file.write(piece)
            file.flush()
            if left < 0 or not _is(part, digest, size):
                raise DamagedObject(f"what came as the log {digest} is not that")
            self._name(digest, FETCHED, whose)
            self._keep(part, file, digest)

    def _name(self, digest: str, name: str, text: str) -> None:
        path = self._beside(digest, f".{name}")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    @contextmanager
    def _part(self) -> Iterator[tuple[Path, BinaryIO]]:
        self.tmp.mkdir(parents=True, exist_ok=True)
        part = self.tmp / secrets.token_hex(16)
        try:
            with part.open("xb") as file:
                yield part, file
        finally:
            part.unlink(missing_ok=True)

    def _keep(self, part: Path, file: BinaryIO, digest: str) -> None:
        file.flush()
        os.fsync(file.fileno())
        target = self.path(digest)
        os.rename(part, target)
        sync(target.parent)

    # -- letting go -------------------------------------------------------------------------------------------------

    def forget(self, digest: str, name: str) -> int:
        """No longer kept for that; bytes, where nobody else keeps it either. OSError."""
        self._beside(digest, f".{name}").unlink(missing_ok=True)
        path = self.path(digest)
        if self._kept(path):
            return 0
        self.tmp.mkdir(parents=True, exist_ok=True)
        aside = self.tmp / secrets.token_hex(16)
        try:
            os.rename(path, aside)
        except FileNotFoundError:
            return 0
        if self._kept(path):  # somebody wants it since
            with suppress(FileExistsError):
                os.link(aside, path)
        size = aside.stat().st_size
        aside.unlink()
        return size

    def _kept(self, path: Path) -> bool:
        """One that keeps it writes its name first and looks for the content then."""
        return any(other != path for other in path.parent.glob(f"{path.stem}.*"))

    def forget_fetched(self, older: float, of: str = "") -> None:
        """What came from afar, of one project or of all, longer ago than so many seconds by this machine's clock."""
        for digest, name, note in list(self.names()):
            if name != FETCHED:
                continue
            with suppress(FileNotFoundError):
                if time.time() - note.stat().st_mtime >= older and (not of or note.read_text() == of):
                    self.forget(digest, FETCHED)


def _is(part: Path, digest: str, size: int) -> bool:
    try:
        found = Blocks(part)
        return found.size == size and found.digest() == digest
    except DamagedObject:
        return False
