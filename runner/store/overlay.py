"""Whether this machine can lay a stage's changes over files that are not copied, found out by doing it once.

It needs root, a kernel with overlayfs and a file system under the upper that keeps whiteouts and attributes (ext4, xfs,
btrfs, tmpfs; not NFS, not FUSE). The mount is made in a mount namespace of its own, which ends with its thread.
"""

import ctypes
import os
import secrets
import shutil
import stat
import threading
from pathlib import Path

from runner.contract.spec import Overlay
from runner.process.shim import enter_overlay
from runner.store.upper import OPAQUE

PAGE = 4096
FORBIDDEN = frozenset(":,\\\"'\n")


class NoOverlay(Exception):
    """Why not here."""


def probe(folder: Path) -> str | None:
    """Why overlays do not work below this folder; None when they do."""
    if os.geteuid() != 0:
        return "only root may mount"
    place = folder / f"probe-{secrets.token_hex(4)}"
    try:
        _spellable(place)
        _in_namespace(place)
    except (NoOverlay, OSError) as error:
        return str(error)
    finally:
        shutil.rmtree(place, ignore_errors=True)
    return None


def _spellable(place: Path) -> None:
    """Mount options are one page of text, with signs of their own."""
    if FORBIDDEN & set(str(place)) or len(os.fsencode(place)) > PAGE // 3 - 200:
        raise NoOverlay(f"the path {place} cannot stand in mount options")


def _in_namespace(place: Path) -> None:
    overlay, inside = Overlay(place / "lower", place / "upper", place / "work"), place / "merged"
    for folder in (overlay.lower / "kept", overlay.lower / "emptied", overlay.upper, overlay.work, inside):
        folder.mkdir(parents=True)
    for file in ("changed", "deleted", "kept/below", "emptied/below"):
        (overlay.lower / file).write_text("lower")
    failures: list[Exception] = []

    def attempt() -> None:
        try:
            enter_overlay(ctypes.CDLL(None, use_errno=True), overlay.options(), str(inside))
            _change(inside)
        except OSError as error:
            failures.append(error)

    thread = threading.Thread(target=attempt, name="overlay-probe")
    thread.start()
    thread.join()
    if failures:
        raise NoOverlay(f"an overlay cannot be mounted here: {failures[0]}")
    _check(overlay)


def _change(inside: Path) -> None:
    (inside / "changed").write_text("upper")
    (inside / "deleted").unlink()
    shutil.rmtree(inside / "emptied")
    (inside / "emptied").mkdir()


def _check(overlay: Overlay) -> None:
    """The upper must say all that was done, in the signs that are read later."""
    hidden = (overlay.upper / "deleted").lstat()
    if not stat.S_ISCHR(hidden.st_mode) or hidden.st_rdev != 0:
        raise NoOverlay("a deleted file leaves no whiteout")
    if os.getxattr(overlay.upper / "emptied", OPAQUE) != b"y":
        raise NoOverlay("a directory that took the place of another is not marked opaque")
    if (overlay.lower / "changed").read_text() != "lower" or (overlay.upper / "changed").read_text() != "upper":
        raise NoOverlay("a change did not go to the upper")
