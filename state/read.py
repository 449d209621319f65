"""Reading a bare clone by object ids: never checked out, and nothing is loaded before it is measured."""

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import pygit2
from pydantic import BaseModel

from schema import layout
from schema.codec import MAX_BYTES
from schema.documents import parse
from schema.errors import DocumentError, Problem
from state.errors import Damaged
from state.message import parse as parse_message
from state.trees import Introduced

MAX_ENTRIES = 2_000_000
MAX_WALK = 20_000
"""Commits of `main` that are walked back at most to find where something came from."""
DELETE_NOW = "Winslow-Delete: now"
CONFIRM = "Winslow-Confirm-Deletions: yes"
_REGULAR = (0o100644, 0o100755)


class Cache:
    """Parsed documents by blob, flattened folders by tree. Bounded; shared by both branches of one clone."""

    def __init__(self, size: int = 400_000) -> None:
        self.documents: OrderedDict[tuple[str, str], BaseModel | DocumentError] = OrderedDict()
        self.folders: OrderedDict[str, Mapping[str, str]] = OrderedDict()
        self.size = size

    def keep(self, key: tuple[str, str], found: BaseModel | DocumentError) -> None:
        self.documents[key] = found
        while len(self.documents) > self.size:
            self.documents.popitem(last=False)

    def keep_folder(self, tree: str, flat: Mapping[str, str]) -> None:
        self.folders[tree] = flat
        while len(self.folders) > self.size:
            self.folders.popitem(last=False)


class Clone:
    """A bare repository on this machine, opened for reading and building."""

    def __init__(self, repo: pygit2.Repository) -> None:
        self.repo = repo
        self.cache = Cache()

    # -- objects ----------------------------------------------------------------------------------------------------

    def commit(self, oid: str) -> pygit2.Commit:
        try:
            found = self.repo[oid]
        except (KeyError, ValueError, pygit2.GitError) as error:
            raise Damaged(f"commit {oid[:12]} cannot be read: {error}") from None
        if not isinstance(found, pygit2.Commit):
            raise Damaged(f"{oid[:12]} is no commit")
        return found

    def entry(self, tree: pygit2.Tree, path: str) -> str | None:
        """The object id at a path, or None."""
        try:
            return str(tree[path].id)
        except KeyError:
            return None

    def text(self, blob: str, path: str, limit: int = MAX_BYTES) -> bytes:
        """A blob's content. DocumentError if it is too large, judged by its header."""
        try:
            kind, size = self._header(blob)
        except (KeyError, pygit2.GitError) as error:
            raise Damaged(f"object {blob[:12]} cannot be read: {error}") from None
        if size > limit or kind != pygit2.enums.ObjectType.BLOB:
            raise DocumentError([Problem(path, 1, 1, f"the file has {size} bytes; at most {limit} are read")])
        return bytes(self.repo[blob].data)  # type: ignore[attr-defined]

    def _header(self, blob: str) -> tuple[int, int]:
        kind, size = self.repo.odb.read_header(blob)
        return kind, size

    # -- trees ------------------------------------------------------------------------------------------------------

    def flat(self, tree: pygit2.Tree, keep: Callable[[str], bool]) -> Mapping[str, str]:
        """Path to blob of every regular file. Folders that did not change are not walked again."""
        flat: dict[str, str] = {}
        for path, blob in self._flat(tree, ""):
            if keep(path):
                flat[path] = blob
                if len(flat) > MAX_ENTRIES:
                    raise Damaged(f"more than {MAX_ENTRIES} files")
        return flat

    def _flat(self, tree: pygit2.Tree, prefix: str) -> Iterator[tuple[str, str]]:
        known = self.cache.folders.get(str(tree.id))
        if known is None:
            known = dict(self._walk(tree, 0))
            if prefix.count("/") >= 2:
                self.cache.keep_folder(str(tree.id), known)
        for path, blob in known.items():
            yield prefix + path, blob

    def _walk(self, tree: pygit2.Tree, depth: int) -> Iterator[tuple[str, str]]:
        if depth > 8:
            return
        for entry in tree:
            name = entry.name or ""
            if not name or "/" in name or name in (".", "..", ".git"):
                continue
            if entry.filemode == 0o40000:
                known = self.cache.folders.get(str(entry.id))
                if known is None:
                    known = dict(self._walk(self.repo[entry.id], depth + 1))  # type: ignore[arg-type]
                    self.cache.keep_folder(str(entry.id), known)
                for path, blob in known.items():
                    yield f"{name}/{path}", blob
            elif entry.filemode in _REGULAR:
                yield name, str(entry.id)

    def document(self, kind: str, path: str, blob: str) -> BaseModel:
        key = (kind, blob)
        found = self.cache.documents.get(key)
        if found is None:
            try:
                found = parse(kind, self.text(blob, path), path)
            except DocumentError as error:
                found = error
            self.cache.keep(key, found)
        if isinstance(found, DocumentError):
            raise found
        return found

    def descends(self, tip: str, ancestor: str) -> bool:
        if tip == ancestor:
            return True
        try:
            return bool(self.repo.descendant_of(tip, ancestor))
        except (KeyError, ValueError, pygit2.GitError):
            return False


@dataclass(frozen=True)
class CloneBranch:
    """One branch of a clone at one commit."""

    clone: Clone
    tip: str
    on_main: bool

    def blobs(self) -> Mapping[str, str]:
        place = layout.place_on_main if self.on_main else layout.place_on_state
        return self.clone.flat(self.clone.commit(self.tip).tree, lambda path: place(path) is not None)

    def document(self, kind: str, path: str, blob: str) -> BaseModel:
        return self.clone.document(kind, path, blob)

    @property
    def wanted(self) -> str:
        return parse_message(self.clone.commit(self.tip).message).wanted


@dataclass(frozen=True)
class CloneHistory:
    """What the history of `main` tells, walked back from its tip, bounded."""

    clone: Clone
    tip: str

    def _line(self, start: str | None = None) -> Iterator[pygit2.Commit]:
        """First parents, newest first."""
        commit = self.clone.commit(start or self.tip)
        for _ in range(MAX_WALK):
            yield commit
            if not commit.parent_ids:
                return
            commit = self.clone.commit(str(commit.parent_ids[0]))

    def in_force(self, kind: str, path: str) -> BaseModel | None:
        tried: set[str] = set()
        for commit in self._line():
            blob = self.clone.entry(commit.tree, path)
            if blob is None or blob in tried:
                continue
            tried.add(blob)
            try:
                return self.clone.document(kind, path, blob)
            except DocumentError:
                continue
        return None

    def pinned(self, pipeline: str, commit: str) -> BaseModel | None:
        try:
            found = self.clone.repo.get(commit) or self.clone.repo.revparse_single(commit)
        except (KeyError, ValueError, pygit2.GitError):
            return None
        if not isinstance(found, pygit2.Commit) or not self.clone.descends(self.tip, str(found.id)):
            return None
        path = layout.pipeline(pipeline)
        blob = self.clone.entry(found.tree, path)
        return self.clone.document("pipeline", path, blob) if blob else None

    def introduced(self, path: str, blob: str) -> Introduced:
        """Follows any parent that has the same blob at the path, so a merged commit keeps its author."""
        commit = self.clone.commit(self.tip)
        for _ in range(MAX_WALK):
            parents = (self.clone.commit(str(oid)) for oid in commit.parent_ids)
            before = next((parent for parent in parents if self.clone.entry(parent.tree, path) == blob), None)
            if before is None:
                break
            commit = before
        return Introduced(str(commit.id), author_of(commit))

    def removed(self, path: str) -> tuple[Introduced, bool]:
        last = self.clone.commit(self.tip)
        for commit in self._line():
            if self.clone.entry(commit.tree, path) is not None:
                break
            last = commit
        return Introduced(str(last.id), author_of(last)), DELETE_NOW in last.message.splitlines()

    def confirmed(self) -> bool:
        return CONFIRM in self.clone.commit(self.tip).message.splitlines()


def author_of(commit: pygit2.Commit) -> str:
    return f"{commit.author.name} <{commit.author.email}>"
