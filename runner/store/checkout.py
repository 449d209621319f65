"""A manifest as a folder: linked, for a lower that nobody writes to, or copied, for a stage to write to itself.

A link tree shares its inodes with the store: whoever writes to one of its files writes to every workspace that has it,
whatever the file's mode is. It is only ever the lower of an overlay.
"""

import errno
import os
import stat
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path

from runner.store import reflink
from runner.store.digests import TICK_NS
from runner.store.errors import DamagedObject
from runner.store.manifest import Manifest, Row, RowKind, raw
from runner.store.objects import Objects, place


def link_tree(objects: Objects, manifest: Manifest, target: Path) -> None:
    """`target` must not exist. MissingObject, DamagedObject."""
    _Tree(objects, target).fill(manifest, linked=True)


def copy_tree(objects: Objects, manifest: Manifest, target: Path) -> None:
    """`target` must not exist. Copies share their blocks where the file system can. MissingObject, DamagedObject."""
    _Tree(objects, target).fill(manifest, linked=False)
    time.sleep(TICK_NS / 1e9)  # what the stage changes has another time than what was learned of the copies


class _Tree:
    def __init__(self, objects: Objects, target: Path) -> None:
        self.objects, self.target = objects, os.fsencode(target)
        self.owner = objects.owner if os.geteuid() == 0 else None

    def fill(self, manifest: Manifest, *, linked: bool) -> None:
        """Names are given inside their open folder: the way there is not looked up again for each."""
        self._folder(self.target)
        self.objects.folder.mkdir(parents=True, exist_ok=True)
        with _opened(os.fsencode(self.objects.folder)) as store:
            for above, rows in groupby(manifest, key=lambda row: row.path.rpartition("/")[0]):
                with _opened(self.target + b"/" + raw(above)) as here:
                    self._fill(rows, here, store if linked else None)

    def _fill(self, rows: Iterable[Row], here: int, store: int | None) -> None:
        for row in rows:
            name = raw(row.path.rpartition("/")[2])
            if row.kind.content:
                if store is None or not self._linked(row, name, here, store):
                    self._copied(row, known=store is None)
            elif row.kind is RowKind.DIRECTORY:
                self._folder(self.target + b"/" + raw(row.path))
            else:
                os.symlink(raw(row.value), name, dir_fd=here)
                self._own(name, here)

    def _folder(self, path: bytes) -> None:
        os.mkdir(path, 0o755)
        os.chmod(path, 0o755)
        self._own(path)

    def _own(self, path: bytes, folder: int | None = None) -> None:
        if self.owner:
            os.chown(path, *self.owner, dir_fd=folder, follow_symlinks=False)

    def _linked(self, row: Row, name: bytes, here: int, store: int) -> bool:
        """Whether it could be linked. It is looked at by its new name: its own would have to be looked up again."""
        source = place(row.value, row.kind is RowKind.PROGRAM)
        try:
            os.link(source, name, src_dir_fd=store, dst_dir_fd=here, follow_symlinks=False)
        except FileNotFoundError:
            self.objects.variant(row.value, row.kind is RowKind.PROGRAM, row.size)
            os.link(source, name, src_dir_fd=store, dst_dir_fd=here, follow_symlinks=False)
        except OSError as error:
            if error.errno in (errno.EMLINK, errno.EXDEV):
                return False
            raise
        found = os.stat(name, dir_fd=here, follow_symlinks=False)
        _check(row, found)
        if self.owner and self.owner != (found.st_uid, found.st_gid):
            self._own(name, here)
        return True

    def _copied(self, row: Row, *, known: bool) -> None:
        program, path = row.kind is RowKind.PROGRAM, self.target + b"/" + raw(row.path)
        source = self.objects.variant(row.value, program, row.size)
        _check(row, os.lstat(source))
        reflink.copy(source, os.fsdecode(path))
        os.chmod(path, 0o755 if program else 0o644)
        self._own(path)
        if known:
            self.objects.cache.learn(os.stat(path), row.value)


def _check(row: Row, found: os.stat_result) -> None:
    if found.st_size != row.size or not stat.S_ISREG(found.st_mode):
        raise DamagedObject(f"object {row.value} of {row.path!r} is damaged on this node's disk")


@contextmanager
def _opened(folder: bytes) -> Iterator[int]:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)  # the store may be a link
    try:
        yield handle
    finally:
        os.close(handle)
