"""Keeping a repository small: what was written one object at a time is packed, and what nothing names is removed.

Git's own gc is switched off: stale heartbeats keep it from ever being content, and it must not start in the middle of
a push. Packs grow geometrically, so a tidying costs in proportion to what is new.
"""

from pathlib import Path

from state.errors import StateError
from state.program import git

TIMEOUT = 600.0
YOUNG = "2.hours.ago"
"""What is younger may belong to a push or a fetch that is under way."""


def tidy(folder: Path) -> bool:
    """Pack and prune a bare repository. False where git would not; nothing is worse than before then."""
    try:
        packed = git(["repack", "--geometric=2", "-d", "-q"], folder=folder, timeout=TIMEOUT)
        pruned = git(["prune", f"--expire={YOUNG}"], folder=folder, timeout=TIMEOUT)
    except StateError:
        return False
    return packed.code == 0 and pruned.code == 0
