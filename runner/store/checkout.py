"""A manifest as a folder: linked, for a lower that nobody writes to, or copied, for a stage to write to itself.

A link tree shares its inodes with the store: whoever writes to one of its files writes to every workspace that has it,
whatever the file's mode is. It is only ever the lower of an overlay.
"""

import errno
import os
import stat
import time
from pathlib import Path

from runner.store import reflink
from runner.store.digests import PREFIX, TICK_NS
from runner.store.errors import DamagedObject
from runner.store.manifest import Kind, Manifest, Row, raw
from runner.store.objects import Objects, own


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
        self.give, self.folder = os.geteuid() == 0, str(objects.folder)

    def fill(self, manifest: Manifest, *, linked: bool) -> None:
        self._folder(self.target)
        for row in manifest:
            path = self.target + b"/" + raw(row.path)
            if row.kind is Kind.DIRECTORY:
                self._folder(path)
            elif row.kind is Kind.LINK:
                os.symlink(raw(row.value), path)
                self._own(path)
            elif linked:
                self._link(row, path)
            else:
                self._copy(row, path)

    def _folder(self, path: bytes) -> None:
        os.mkdir(path, 0o755)
        os.chmod(path, 0o755)
        self._own(path)

    def _own(self, path: bytes) -> None:
        if self.give:
            os.chown(path, *self.objects.owner, follow_symlinks=False)

    def _link(self, row: Row, path: bytes) -> None:
        source = self._object(row)
        try:
            os.link(source, path, follow_symlinks=False)
        except OSError as error:
            if error.errno not in (errno.EMLINK, errno.EXDEV):
                raise
            self._copied(row, source, path)

    def _object(self, row: Row) -> str:
        """Its path, once it is whole and the stages' own."""
        program = row.kind is Kind.PROGRAM
        name = row.value.removeprefix(PREFIX)
        source = f"{self.folder}/{name[:2]}/{name[2:]}{'.x' if program else ''}"
        try:
            found = os.lstat(source)
        except FileNotFoundError:
            source = str(self.objects.variant(row.value, program, row.size))
            found = os.lstat(source)
        if found.st_size != row.size or not stat.S_ISREG(found.st_mode):
            raise DamagedObject(f"object {row.value} of {row.path!r} is damaged on this node's disk")
        if self.give and (found.st_uid, found.st_gid) != self.objects.owner:
            own(source, self.objects.owner)
        return source

    def _copy(self, row: Row, path: bytes) -> None:
        self._copied(row, self._object(row), path)
        self.objects.cache.learn(os.stat(path), row.value)

    def _copied(self, row: Row, source: str, path: bytes) -> None:
        reflink.copy(Path(source), os.fsdecode(path))
        os.chmod(path, 0o755 if row.kind is Kind.PROGRAM else 0o644)
        self._own(path)
