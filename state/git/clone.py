"""Reading a bare clone by object ids: never checked out, and nothing is loaded before it is measured."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pygit2
from pydantic import BaseModel
from pygit2.enums import ObjectType

from schema.codec import MAX_BYTES
from schema.errors import DocumentError, Problem
from state.contract.errors import Damaged
from state.git.commit_object import CommitObject, parse_commit
from state.snapshot.disk_cache import NAME, Cache
from state.snapshot.document_cache import DocumentCache, irregular
from state.snapshot.folder_changes import Entries, changes, entries
from state.snapshot.lru import Bounded
from state.snapshot.malloc import give_back
from state.snapshot.trees import IRREGULAR
from state.transport.command import git

MAX_TREE = 64 * 1024 * 1024
"""Bytes of a folder's object (about a million entries); what is larger counts as empty."""
MAX_COMMIT = 64 * 1024 * 1024
LISTINGS = 512
"""Of folders that are remembered. Of a project that did not change none is looked at again."""
LARGE, LARGE_LISTINGS = 1000, 4
"""A listing of more entries is large, and of these only the newest few are remembered."""
REMEMBERED = 65_536
MANY = 10_000
"""Objects after which it pays to open the repository anew: what libgit2 keeps of them is more than 20 MB."""
ENTERED = frozenset({"requests", "comments", "replies", "executions", "flags"})
"""Folders of a project that hold documents; nothing deeper is looked at."""
ANCESTRY_TIMEOUT = 60.0
FOLDER, MODULE = 0o040000, 0o160000
REGULAR = frozenset({0o100644, 0o100755})
WRITTEN = REGULAR | {FOLDER, 0o120000}

_NO_NAMES = frozenset({".", ".."})

Listing = Mapping[str, tuple[str, int]]
"""Name to (object id, mode)."""


class Clone:
    """A bare repository on this machine, opened for reading. Everything kept here is a function of object ids."""

    def __init__(self, repo: pygit2.Repository) -> None:
        self.repo = repo
        self.cache = Cache(Path(repo.path) / NAME)
        self.parsed = DocumentCache(cache=self.cache)
        self.walks = Bounded(REMEMBERED)  # what walks through the history of `main` found, and from where
        self._listings = Bounded(LISTINGS)
        self._large = Bounded(LARGE_LISTINGS)
        self._files = Bounded(LISTINGS)
        self._descents = Bounded(4096)
        self._loads = 0
        self._beside: list[Path] = []

    def see(self, other: Path) -> None:
        """Objects of another clone of the same repository are found here too. Damaged where there is none."""
        if other in self._beside:
            return
        try:
            self.repo.odb.add_disk_alternate(str(other / "objects"))
        except pygit2.GitError as error:
            raise Damaged(f"there is no clone at {other}: {error}") from None
        self._beside.append(other)

    def settle(self) -> None:
        """To be called when everything was looked at. What was parsed goes to the disk, what nobody needs now goes."""
        self.cache.flush()
        if self._loads > MANY:
            self._loads = 0
            self.repo.free()
            for other in self._beside:
                self.repo.odb.add_disk_alternate(str(other / "objects"))
            self.cache.rest()
            give_back()

    # -- objects ----------------------------------------------------------------------------------------------------

    def commit(self, oid: str) -> CommitObject:
        """Damaged where it is missing, or nothing that git itself would take for a commit."""
        try:
            return parse_commit(oid, self._bytes(oid, ObjectType.COMMIT, MAX_COMMIT))
        except ValueError as error:
            raise Damaged(f"{oid[:12]} is no commit that can be read: {error}") from None

    def commit_named(self, begins: str) -> str | None:
        """The commit whose id begins so; None for none, or for several."""
        try:
            oid = self.repo.expand_id(begins)
            return str(oid) if self.repo.odb.read_header(oid)[0] == ObjectType.COMMIT else None
        except (KeyError, ValueError, pygit2.GitError):
            return None

    def tree_of(self, commit: str) -> pygit2.Tree:
        """What another commit can be built on. Damaged."""
        found = folder(self.repo, self.commit(commit).tree_id)
        if found is None:
            raise Damaged(f"{commit[:12]} has no tree that can be read")
        return found

    def text(self, blob: str, path: str, limit: int = MAX_BYTES) -> bytes:
        """A blob's content. DocumentError if it is none or too large, judged by its header."""
        if blob == IRREGULAR:
            raise DocumentError([irregular(path)])
        kind, size = self._header(blob)
        if kind != ObjectType.BLOB:
            raise DocumentError([irregular(path)])
        if size > limit:
            raise DocumentError([Problem(path, 1, 1, f"the file has {size} bytes; at most {limit} are read")])
        return bytes(self._load(blob).data)

    def document(self, kind: str, path: str, blob: str) -> BaseModel:
        return self.parsed.document(kind, path, blob, lambda: self.text(blob, path))

    def _bytes(self, oid: str, kind: ObjectType, limit: int) -> bytes:
        """Nothing, where it is of another kind or too large."""
        found, size = self._header(oid)
        if found != kind or size > limit:
            return b""
        self._loads += 1
        try:
            return self.repo.odb.read(oid)[1]
        except (KeyError, ValueError, pygit2.GitError) as error:
            raise Damaged(f"object {oid[:12]} cannot be read: {error}") from None

    def _header(self, oid: str) -> tuple[int, int]:
        try:
            kind, size = self.repo.odb.read_header(oid)
        except (KeyError, ValueError, pygit2.GitError) as error:
            raise Damaged(f"object {oid[:12]} cannot be read: {error}") from None
        return kind, size

    def _load(self, oid: str) -> Any:
        self._loads += 1
        try:
            return self.repo[oid]
        except (KeyError, ValueError, pygit2.GitError) as error:
            raise Damaged(f"object {oid[:12]} cannot be read: {error}") from None

    # -- trees ------------------------------------------------------------------------------------------------------

    def listing(self, tree: str) -> Listing:
        """The entries of one folder; names that are no file names are left out."""
        known: Listing | None = self._listings.look(tree)
        if known is None:
            known = self._large.look(tree)
        if known is None:
            raw = self._raw(tree)
            found = named(entries(raw))
            known = LargeListing(raw, found) if len(found) > LARGE else found
            (self._large if isinstance(known, LargeListing) else self._listings).keep(tree, known)
        return known

    def _raw(self, tree: str) -> bytes:
        return self._bytes(tree, ObjectType.TREE, MAX_TREE)

    def difference(self, before: str, after: str) -> frozenset[str]:
        """Names whose entries differ between two folders."""
        old = self.listing(before)
        if isinstance(old, LargeListing) and self._large.look(after) is None:
            self._large.keep(after, old.grown(before, self._raw(after)))
        new = self.listing(after)
        if isinstance(new, LargeListing) and new.since == before:
            return new.changed
        return frozenset(name for name, _ in old.items() ^ new.items())

    def files(self, tree: str) -> Mapping[str, str]:
        """Path to blob below a project's folder, or another one's; IRREGULAR for what is no regular file."""
        known: Mapping[str, str] | None = self._files.look(tree)
        if known is None:
            known = dict(self._walk(tree))
            self._files.keep(tree, known)
        return known

    def _walk(self, tree: str) -> Iterator[tuple[str, str]]:
        for name, (oid, mode) in self.listing(tree).items():
            if mode == FOLDER and name in ENTERED:
                yield from ((f"{name}/{file}", _blob(entry)) for file, entry in self.listing(oid).items())
            else:
                yield name, _blob((oid, mode))

    def folder(self, tree: str, path: str) -> str | None:
        """The folder at a path; None where there is none."""
        for name in path.split("/") if path else ():
            oid, mode = self.listing(tree).get(name, ("", 0))
            if mode != FOLDER:
                return None
            tree = oid
        return tree

    def entry(self, tree: str, path: str) -> str | None:
        """The blob at a path; IRREGULAR for what is no regular file, None for nothing. Lists no folder."""
        mode = FOLDER
        for name in path.split("/"):
            found = self._below(tree, name) if mode == FOLDER else None
            if found is None:
                return None
            tree, mode = found
        return _blob((tree, mode))

    def _below(self, tree: str, name: str) -> tuple[str, int] | None:
        kind, size = self._header(tree)
        if kind != ObjectType.TREE or size > MAX_TREE:
            return None
        self._loads += 1
        found = loaded(self.repo, tree)
        if found is None:
            return self.listing(tree).get(name)
        return (str(found[name].id), int(found[name].filemode)) if name in found else None

    # -- history ----------------------------------------------------------------------------------------------------

    def descends(self, tip: str, ancestor: str) -> bool:
        """Damaged where a commit between them is missing."""
        if tip == ancestor:
            return self._has(tip)
        known: bool | None = self._descents.look((tip, ancestor))
        if known is None:
            if not self._has(tip) or not self._has(ancestor):
                return False
            try:
                known = bool(self.repo.descendant_of(tip, ancestor))
            except (KeyError, ValueError, pygit2.GitError):
                known = self._descends_for_git(tip, ancestor)
            self._descents.keep((tip, ancestor), known)
        return known

    def _descends_for_git(self, tip: str, ancestor: str) -> bool:
        """As the git program sees it: a commit that libgit2 refuses stands between them, or one is missing."""
        arguments = ["merge-base", "--is-ancestor", ancestor, tip]
        done = git(arguments, folder=Path(self.repo.path), timeout=ANCESTRY_TIMEOUT)
        if done.code not in (0, 1):
            raise Damaged(f"the history of {tip[:12]} cannot be read: {done.err.strip()[:200]}")
        return done.code == 0

    def _has(self, oid: str) -> bool:
        try:
            return oid in self.repo.odb
        except (TypeError, ValueError):
            return False


def named(found: Entries) -> dict[str, tuple[str, int]]:
    """Those with the name of a file."""
    listing = {}
    for mode, raw, oid in found:
        try:
            name = raw.decode()
        except UnicodeDecodeError:
            continue
        if "/" not in name and name not in _NO_NAMES and name.lower() != ".git":
            listing[name] = (oid.hex(), int(mode, 8))
    return listing


def loaded(repo: pygit2.Repository, oid: str) -> pygit2.Tree | None:
    """A folder; None for what libgit2 does not take as one."""
    try:
        found = repo[oid]
    except (KeyError, ValueError, pygit2.GitError):
        return None
    return found if isinstance(found, pygit2.Tree) else None


def folder(repo: pygit2.Repository, oid: str) -> pygit2.Tree | None:
    """A folder to write into; None for what is none. Damaged where it is missing.

    Git takes some that libgit2 refuses: of such a one all entries that have a name stay.
    """
    found = loaded(repo, oid)
    if found is not None:
        return found
    try:
        kind, content = repo.odb.read(oid)
    except (KeyError, ValueError, pygit2.GitError) as error:
        raise Damaged(f"object {oid[:12]} cannot be read: {error}") from None
    if kind != ObjectType.TREE:
        return None
    builder = repo.TreeBuilder()
    for name, (entry, mode) in named(entries(content)).items():
        if mode in WRITTEN and entry in repo.odb:
            builder.insert(name, entry, mode)
    return loaded(repo, str(builder.write()))


class LargeListing(dict[str, tuple[str, int]]):
    """The listing of a large folder, from which the listing of its next version is made cheaply. `tree` is its object:
    taken apart it takes some seven times the room.
    """

    def __init__(
        self,
        tree: bytes,
        listing: Mapping[str, tuple[str, int]],
        since: str = "",
        changed: frozenset[str] = frozenset(),
    ) -> None:
        """`changed` are the names that differ from those of the folder `since`."""
        super().__init__(listing)
        self.tree, self.since, self.changed = tree, since, changed

    def grown(self, own: str, tree: bytes) -> "LargeListing":
        """Of the next version; `own` is the id of this one."""
        gone, come = (named(each) for each in changes(self.tree, tree))
        new = LargeListing(tree, self, own, frozenset(gone.keys() | come.keys()))
        for name in gone:
            del new[name]
        new.update(come)
        return new


def _blob(entry: tuple[str, int]) -> str:
    oid, mode = entry
    return oid if mode in REGULAR else IRREGULAR
