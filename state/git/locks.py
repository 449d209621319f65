"""Locks that a killed git left behind. Nobody takes them back, and whoever wants to move their ref fails for ever."""

import time
from pathlib import Path

STALE = 10.0
"""Seconds. In a node's own clone a lock is held for milliseconds."""
_OTHERS = ("packed-refs.lock", "HEAD.lock")


def clear(clone: Path) -> None:
    """Remove the stale locks of refs from a clone that nobody else writes to."""
    for lock in [*(clone / "refs").rglob("*.lock"), *(clone / name for name in _OTHERS)]:
        try:
            if time.time() - lock.stat().st_mtime > STALE:
                lock.unlink()
        except FileNotFoundError:
            pass
