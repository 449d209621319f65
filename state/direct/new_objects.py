"""What a repository lacks of new commits, where it has what they were built on.

Every object is looked at on the way as `receive.fsckObjects` would. Anything unusual (a merge, a submodule, much to
send, a name that git might mind) is left to git.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import pygit2
from pygit2.enums import ObjectType

from state.direct.sound import FOLDER, Entry, commit_of, entries_of, is_sound_entry

MOST_COMMITS, MOST_OBJECTS, MOST_BYTES = 200, 1000, 8 * 1024 * 1024


class Unusual(Exception):
    """Git has to do it; the text says why."""


@dataclass(frozen=True, slots=True)
class NewObject:
    oid: str
    kind: ObjectType
    raw: bytes


class NewObjects:
    """Of one push. The objects are read from `repo`."""

    def __init__(self, repo: pygit2.Repository) -> None:
        self._repo = repo
        self._found: dict[str, NewObject] = {}
        self._bytes = 0

    @property
    def all(self) -> list[NewObject]:
        return list(self._found.values())

    @property
    def size(self) -> int:
        """In bytes, as they are before any compression."""
        return self._bytes

    def above(self, tip: str, base: str) -> None:
        """All that commits up to a tip bring. Unusual where they are no line that leads to `base`."""
        for commit, parent in reversed(list(self._line(tip, base))):
            tree = self._commit(commit.raw)[0]
            self._tree(tree, self._commit(self._read(parent).raw)[0])
            self._add(commit)

    def blob(self, oid: str) -> None:
        found = self._read(oid)
        if found.kind != ObjectType.BLOB:
            raise Unusual("a ref to something other than a blob or a line of commits")
        self._add(found)

    def _line(self, tip: str, base: str) -> Iterator[tuple[NewObject, str]]:
        """Commits that are new, newest first, with their parents."""
        for _ in range(MOST_COMMITS):
            if tip == base:
                return
            found = self._read(tip)
            _, parent = self._commit(found.raw)
            if found.kind != ObjectType.COMMIT or not parent:
                raise Unusual("commits that do not follow from what is there")
            yield found, parent
            tip = parent
        raise Unusual(f"more than {MOST_COMMITS} commits")

    def _commit(self, raw: bytes) -> tuple[str, str]:
        found = commit_of(raw)
        if found is None:
            raise Unusual("a commit of a kind that is not known")
        return found

    def _tree(self, new: str, old: str) -> None:
        """What is in a folder and not in an older one, and all below it."""
        if new == old:
            return
        found = self._read(new)
        here, there = frozenset(self._entries(found)), self._known(old)
        before = {name: oid.hex() for mode, name, oid in there - here if mode == FOLDER}
        for entry in here - there:
            if not is_sound_entry(entry):
                raise Unusual(f"the name {entry[1]!r}")
            mode, name, oid = entry
            if mode == FOLDER:
                self._tree(oid.hex(), before.get(name, ""))
            else:
                self.blob(oid.hex())
        self._add(found)

    def _known(self, tree: str) -> frozenset[Entry]:
        return frozenset(entries_of(self._read(tree).raw) or ()) if tree else frozenset()

    def _entries(self, found: NewObject) -> list[Entry]:
        entries = entries_of(found.raw) if found.kind == ObjectType.TREE else None
        if entries is None:
            raise Unusual("a folder that git did not write")
        return entries

    def _read(self, oid: str) -> NewObject:
        try:
            kind, size = self._repo.odb.read_header(oid)
            if size > MOST_BYTES:
                raise Unusual(f"an object of {size} bytes")
            return NewObject(oid, kind, self._repo.odb.read(oid)[1])
        except (KeyError, ValueError, pygit2.GitError) as error:
            raise Unusual(f"{oid} cannot be read: {error}") from None

    def _add(self, found: NewObject) -> None:
        if found.oid not in self._found:
            self._found[found.oid] = found
            self._bytes += len(found.raw)
        if len(self._found) > MOST_OBJECTS or self._bytes > MOST_BYTES:
            raise Unusual("much to send")
