"""Commits on `main` that nobody has been sent yet: how it will look once they are. Only for showing.

They lie in a repository of their own, which borrows everything else from clones that others keep. It is made anew
whenever it is opened; what is lost with it can be built again.
"""

import shutil
from pathlib import Path

import pygit2

from state.contract.errors import StateError
from state.contract.repository import Edit
from state.git import commit_builder


class AheadCommits:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._repo: pygit2.Repository | None = None
        self._borrowed: set[Path] = set()

    def borrow(self, clone: Path) -> None:
        """Build on what that clone holds. StateError."""
        if clone in self._borrowed:
            return
        try:
            self._opened().odb.add_disk_alternate(str(clone / "objects"))
        except (pygit2.GitError, OSError) as error:
            raise StateError(f"there is no clone at {clone}: {error}") from None
        self._borrowed.add(clone)

    def commit(self, base: str, edit: Edit) -> str:
        """The edit on top of a commit. StateError."""
        files = {path: text.encode() if text is not None else None for path, text in edit.files.items()}
        try:
            repo = self._opened()
            tree = commit_builder.write_tree(repo, repo[base].peel(pygit2.Tree), files)
            return commit_builder.commit(repo, [base], tree, edit.message, author=edit.author)
        except (pygit2.GitError, OSError, KeyError, ValueError) as error:
            raise StateError(f"what waits to be sent cannot be shown: {error}") from None

    def _opened(self) -> pygit2.Repository:
        if self._repo is None:
            shutil.rmtree(self.folder, ignore_errors=True)
            self._repo = pygit2.init_repository(str(self.folder), bare=True)
        return self._repo
