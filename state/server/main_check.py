"""The hook's check of a push to `main`, in the process that pushes. It only ever says yes: whatever it does not like,
or cannot read, is for the hook, which says why.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pygit2
from pygit2.enums import ObjectType

from schema import layout
from state.server.pushed import ZERO, PushedFile

REFS = "refs/"


def passes(folder: Path, clone: Path, old: str, new: str) -> bool:
    """Whether the hook of the repository in `folder` would pass it. The new objects lie in `clone`."""
    from state.server.push_check import check  # most programs that may push never do

    try:
        repo = pygit2.Repository(str(folder))
        repo.odb.add_disk_alternate(str(clone / "objects"))
        return check([f"{old} {new} {layout.MAIN}"], PushInLibrary(repo)) == []
    except Exception:  # whatever it is, the hook looks at it
        return False


class PushInLibrary:
    """A push of which nothing has been sent yet, by git's library."""

    def __init__(self, repo: pygit2.Repository) -> None:
        self.repo = repo

    def changes(self, old: str, new: str) -> Iterator[PushedFile]:
        for delta in self._tree(old).diff_to_tree(self._tree(new)).deltas:
            before, after = delta.old_file, delta.new_file
            blob = ZERO if delta.status_char() == "D" else str(after.id)
            was = ZERO if delta.status_char() == "A" else str(before.id)
            path = (after if blob != ZERO else before).raw_path.decode(errors="replace")
            yield PushedFile(f"{int(after.mode):06o}", blob, path, was)

    def sizes(self, blobs: Sequence[str]) -> dict[str, int]:
        return {oid: self.repo.odb.read_header(oid)[1] for oid in blobs}

    def contents(self, blobs: Sequence[str]) -> dict[str, bytes]:
        return {oid: self.repo.odb.read(oid)[1] for oid in blobs}

    def there(self, commit: str, paths: Sequence[str]) -> dict[str, str]:
        tree = None if commit == ZERO else self._tree(commit)
        found = {path: _below(tree, path) for path in paths if tree is not None and "\n" not in path}
        return {path: str(each.id) for path, each in found.items() if each is not None and each.type == ObjectType.BLOB}

    def names(self, commit: str, folder: str) -> list[str]:
        found = _below(self._tree(commit), folder)
        return [str(each.name) for each in found] if isinstance(found, pygit2.Tree) else []

    def _tree(self, commit: str) -> pygit2.Tree:
        oid = self.repo.references[commit].resolve().target if commit.startswith(REFS) else commit
        return self.repo[oid].peel(pygit2.Tree)


def _below(tree: pygit2.Tree | None, path: str) -> pygit2.Object | None:
    try:
        return None if tree is None else tree[path.removesuffix("/")]
    except KeyError:
        return None
