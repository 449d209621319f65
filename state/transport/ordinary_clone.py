"""A person's ordinary clone of a state repository, which is none itself: nodes do not push to it."""

import pygit2

from schema import layout
from state.transport import urls


def origin_of(address: str) -> str:
    """Where a clone that was named as the repository came from; nothing for a state repository, or anything else."""
    try:
        folder = urls.local_path(urls.check(address))
        if folder is None or not folder.is_dir():
            return ""
        repo = pygit2.Repository(str(folder))
        if repo.references.get(layout.STATE) is not None:
            return ""
        return str(repo.config["remote.origin.url"])
    except (pygit2.GitError, KeyError, ValueError, urls.BadUrl):
        return ""
