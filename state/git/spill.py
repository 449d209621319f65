"""Where a clone goes on while its own disk is full: a second one in memory that finds everything of the first.

A clone holds nothing that the server does not hold as well, so going back is only a matter of asking the server again.
"""

import hashlib
import re
import shutil
import tempfile
from pathlib import Path

import pygit2

from state.contract.errors import StateError

FULL = re.compile(r"no space left|disk quota exceeded", re.IGNORECASE)
ENOUGH = 64 * 1024 * 1024
"""Bytes that are free again before the clone on the disk is used again."""
MEMORY = Path("/dev/shm")
OURS = ("refs/winslow-view/", "refs/winslow-ours/")


def place(clone: Path) -> Path | None:
    """A folder on another file system; None where there is none that can be written."""
    for folder in (MEMORY, Path(tempfile.gettempdir())):
        if folder.is_dir() and folder.stat().st_dev != clone.stat().st_dev:
            return folder / f"winslow-{hashlib.blake2b(str(clone.absolute()).encode(), digest_size=8).hexdigest()}.git"
    return None


def make(clone: Path, at: Path) -> None:
    """StateError where that is not possible either."""
    try:
        shutil.rmtree(at, ignore_errors=True)
        at.mkdir(mode=0o700)
        repo = pygit2.init_repository(str(at), bare=True)
        (at / "objects" / "info" / "alternates").write_text(f"{(clone / 'objects').absolute()}\n")
        before = pygit2.Repository(str(clone))
        repo.odb.add_disk_alternate(str(clone / "objects"))
        for name in before.references:
            if name.startswith(OURS):
                repo.references.create(name, before.references[name].target, force=True)
    except (OSError, pygit2.GitError, ValueError) as error:
        raise StateError(f"the disk of {clone} is full, and {at} cannot be used instead: {error}") from None


def has_room(clone: Path) -> bool:
    return shutil.disk_usage(clone).free > ENOUGH
