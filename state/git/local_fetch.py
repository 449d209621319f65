"""New commits of a repository by path, copied object by object: for a handful of them many times quicker than a fetch.

What a commit needs is written before the commit itself, so a commit that is here is complete here, whenever this is
cut off. Anything unusual (much to copy, a large object, no commit in common) is left to `git fetch`.
"""

from pathlib import Path

import pygit2
from pygit2.enums import ObjectType

from state.git.clone import FOLDER, MODULE, Clone
from state.snapshot.folder_changes import changes

MOST_COMMITS, MOST_OBJECTS, MOST_BYTES = 200, 2000, 1024 * 1024


class _Unusual(Exception):
    """Not worth doing by hand."""


def bring(clone: Clone, folder: Path, tips: list[str]) -> bool:
    """Copy the commits of these tips. False where a fetch has to do it; what was copied until then does no harm."""
    try:
        source = pygit2.Repository(str(folder))
        copy = _Copy(clone, source)
        for tip in tips:
            copy.history(tip)
    except (_Unusual, KeyError, ValueError, pygit2.GitError):
        return False
    return True


class _Copy:
    def __init__(self, clone: Clone, source: pygit2.Repository) -> None:
        self.here, self.source = clone.repo, source
        self.copied = 0

    def history(self, tip: str) -> None:
        for oid in reversed(self._missing(tip)):
            found = self.source[oid]
            assert isinstance(found, pygit2.Commit)
            if not found.parent_ids:
                raise _Unusual
            parent = self.here[found.parent_ids[0]]
            assert isinstance(parent, pygit2.Commit)
            self._tree(str(found.tree_id), str(parent.tree_id))
            self._object(oid)

    def _missing(self, tip: str) -> list[str]:
        """Commits that are not here, each before its parents."""
        found: list[str] = []
        waiting = [tip]
        while waiting:
            oid = waiting.pop(0)
            if oid in found:
                found.remove(oid)  # reached again: it must come before all that lead to it
            elif oid in self.here.odb:
                continue
            found.append(oid)
            if len(found) > MOST_COMMITS:
                raise _Unusual
            commit = self.source[oid]
            if not isinstance(commit, pygit2.Commit):
                raise _Unusual
            waiting.extend(str(parent) for parent in commit.parent_ids)
        return found

    def _tree(self, new: str, old: str | None) -> None:
        """What differs from a folder that is here, and all below it."""
        if new == old:
            return
        gone, come = changes(self._raw(self.here, old) if old else b"", self._raw(self.source, new))
        before = {name: oid.hex() for mode, name, oid in gone if int(mode, 8) == FOLDER}
        for mode, name, oid in come:
            if int(mode, 8) == FOLDER:
                self._tree(oid.hex(), before.get(name))
            elif int(mode, 8) != MODULE:
                self._object(oid.hex())
        self._object(new)

    def _raw(self, repo: pygit2.Repository, tree: str) -> bytes:
        found = repo[tree]
        if not isinstance(found, pygit2.Tree):
            raise _Unusual
        return found.read_raw()

    def _object(self, oid: str) -> None:
        kind, size = self.source.odb.read_header(oid)
        self.copied += 1
        if self.copied > MOST_OBJECTS or (size > MOST_BYTES and kind == ObjectType.BLOB):
            raise _Unusual
        data = self.source.odb.read(oid)[1]
        if str(self.here.odb.write(int(kind), data)) != oid:
            raise _Unusual
