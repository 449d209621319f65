"""Keeping a repository small: what was written one object at a time is packed, and what nothing names is removed.

Git's own gc is switched off: stale heartbeats keep it from ever being content, and it must not start in the middle of
a push. Packs grow geometrically, so a tidying costs in proportion to what is new.
"""

import fcntl
import threading
from pathlib import Path

import pygit2

from state.contract.errors import StateError
from state.transport.command import git

MARK = "winslow.tidy"
TIMEOUT = 1800.0
YOUNG = "2.hours.ago"
"""What is younger may belong to a push or a fetch that is under way."""


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
