"""Keeping a repository small: what was written one object at a time is packed, and what nothing names is removed.

Git's own gc is switched off: stale heartbeats keep it from ever being content, and it must not start in the middle of
a push. Packs grow geometrically, so a tidying costs in proportion to what is new.
"""

import fcntl
import os
import threading
from dataclasses import dataclass
from pathlib import Path

import pygit2

from state.contract.errors import StateError
from state.direct.own_hook import YOUNG
from state.transport.command import git

MARK = "winslow.tidy"
TIMEOUT = 1800.0


def tidy(folder: Path) -> bool:
    """Pack and prune a bare repository. False where git would not, or somebody else is at it; no harm is done then."""
    try:
        with (folder / "winslow-tidy.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            packed = git(["repack", "--geometric=2", "-d", "-q"], folder=folder, timeout=TIMEOUT)
            pruned = git(["prune", f"--expire={YOUNG}"], folder=folder, timeout=TIMEOUT)
    except (OSError, StateError):
        return False
    return packed.code == 0 and pruned.code == 0


def pack(folder: Path) -> bool:
    """Make one of small packs, without a walk through the history, so it is quick. False as with `tidy`."""
    try:
        with (folder / "winslow-tidy.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return git(["repack", "--geometric=2", "-d", "-q"], folder=folder, timeout=TIMEOUT).code == 0
    except (OSError, StateError):
        return False


class CannotCompact(StateError):
    """The text says why; no harm is done."""


@dataclass(frozen=True, slots=True)
class RepositorySize:
    """`bytes` are those on the disk, of all objects."""

    bytes: int
    packs: int
    loose: int


def size(folder: Path) -> RepositorySize:
    used = packs = loose = 0
    for place, _, names in os.walk(folder / "objects"):
        for name in names:
            try:
                used += os.lstat(os.path.join(place, name)).st_blocks * 512
            except OSError:
                continue  # it went meanwhile
            packs += name.endswith(".pack")
            loose += len(os.path.basename(place)) == 2
    return RepositorySize(used, packs, loose)


def compact(folder: Path) -> None:
    """Pack all of it anew, while others read and write it. CannotCompact.

    What nothing names stays for a while, as in a tidying: a push that is under way may name it in a moment.
    """
    kept = f"--unpack-unreachable={YOUNG}"
    with (folder / "winslow-tidy.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CannotCompact(f"somebody packs {folder} at this moment; try again in a minute") from None
        for words in (["repack", "-A", "-d", "-q", kept], ["prune", f"--expire={YOUNG}"]):
            done = git(words, folder=folder, timeout=TIMEOUT)
            if done.code != 0:
                raise CannotCompact(f"git cannot pack {folder}: {done.err.strip()[-500:]}")


def is_ours(folder: Path) -> bool:
    """Whether `winslowctl init --bare` made it, and so left its tidying to the nodes that reach it by path."""
    try:
        return bool(pygit2.Repository(str(folder)).config.get_bool(MARK))
    except (KeyError, ValueError, pygit2.GitError):
        return False


def tidy_aside(folder: Path) -> threading.Thread:
    """The same in a thread of its own: a long history takes seconds, and nobody waits for it."""
    thread = threading.Thread(target=tidy, args=(folder,), name="tidy", daemon=True)
    thread.start()
    return thread


def pack_aside(folder: Path) -> threading.Thread:
    thread = threading.Thread(target=pack, args=(folder,), name="pack", daemon=True)
    thread.start()
    return thread
