"""Files of a working copy that a sparse checkout leaves out: they are tracked, and not in its folder."""

from pathlib import Path

import pygit2

from state.contract.errors import StateError
from state.transport.command import git

TIMEOUT = 30.0
LEFT_OUT = "S "


def left_out(root: Path, limit: int) -> dict[str, bytes]:
    """By path below `root`, at most `limit` bytes of each; nothing where there is no git, or all is there."""
    try:
        repo = pygit2.Repository(str(root))
        top = Path(repo.workdir or root).resolve()
        listed = git(["ls-files", "-t", "-s", "-z"], folder=Path(repo.path), timeout=TIMEOUT)
    except (pygit2.GitError, StateError):
        return {}
    found = {}
    for line in listed.out.split("\0"):
        head, _, path = line.partition("\t")
        full = top / path
        if line.startswith(LEFT_OUT) and full.is_relative_to(root.resolve()):
            blob = repo.get(head.split()[2])
            if isinstance(blob, pygit2.Blob):
                found[str(full.relative_to(root.resolve()))] = bytes(blob.data[:limit])
    return found
