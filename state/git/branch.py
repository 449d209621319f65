"""A branch of a bare clone at one commit, and what only its history tells. Walks are bounded, and never done twice."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import pygit2
from pydantic import BaseModel

from schema import layout
from schema.errors import DocumentError
from state.contract.commit_message import parse as parse_message
from state.contract.errors import Damaged
from state.git.clone import FOLDER, Clone
from state.git.commit_object import CommitObject
from state.snapshot.trees import CONFIRM, DELETE_NOW, LOOK_BACK, PROJECTS, Introduced, says

_COMMIT = re.compile(r"[0-9a-f]{40}")
MAX_WALK = 20_000
"""Commits of `main` that are walked back at most to find where something came from."""


@dataclass(frozen=True)
class CloneBranch:
    clone: Clone
    tip: str

    @property
    def wanted(self) -> str:
        """What the tip was decided on. Where it does not say so, no node made it: the one before does."""
        commit = self.clone.commit(self.tip)
        for _ in range(MAX_WALK):
            found = parse_message(commit.message).wanted
            if _COMMIT.fullmatch(found) or not commit.parent_ids:
                return found if _COMMIT.fullmatch(found) else ""
            commit = self.clone.commit(commit.parent_ids[0])
        return ""

    def projects(self) -> Iterable[str]:
        tree = self.content(PROJECTS)
        return self.clone.listing(tree) if tree else ()

    def content(self, folder: str) -> str | None:
        return self.clone.folder(self.clone.commit(self.tip).tree_id, folder)

    def changed(self, before: str) -> Collection[str] | None:
        if before == self.tip:
            return ()
        try:
            old, new = CloneBranch(self.clone, before).content(PROJECTS), self.content(PROJECTS)
            return self.clone.difference(old, new) if old and new else None
        except Damaged:
            return None

    def files(self, folder: str) -> Mapping[str, str]:
        tree = self.content(folder)
        if tree is None:
            return {}
        prefix = f"{folder}/" if folder else ""
        return {prefix + path: blob for path, blob in self.clone.files(tree).items()}

    def trees(self, folder: str) -> Mapping[str, str]:
        tree = self.content(folder)
        listed = self.clone.listing(tree).items() if tree else ()
        return {name: oid for name, (oid, mode) in listed if mode == FOLDER}

    def holds(self, tree: str, name: str) -> bool:
        return name in self.clone.listing(tree)

    def document(self, kind: str, path: str, blob: str) -> BaseModel:
        return self.clone.document(kind, path, blob)

    def text(self, path: str, blob: str) -> str:
        return self.clone.text(blob, path).decode(errors="replace")


@dataclass(frozen=True)
class CloneHistory:
    """The history of `main` from its tip back. What a walk found is kept with the tip it began at, so the next walk,
    from a later tip, ends there.
    """

    clone: Clone
    tip: str

    def _line(self) -> Iterator[CommitObject]:
        """First parents, newest first."""
        commit = self.clone.commit(self.tip)
        for _ in range(MAX_WALK):
            yield commit
            if not commit.parent_ids:
                return
            commit = self.clone.commit(commit.parent_ids[0])

    def _known(self, key: tuple[str, ...]) -> tuple[str, Any]:
        """(the tip that the last walk for this began at, what it found)"""
        return self.clone.walks.look(key) or ("", None)

    def _keep(self, key: tuple[str, ...], found: Any) -> Any:
        self.clone.walks.keep(key, (self.tip, found))
        return found

    def in_force(self, kind: str, path: str) -> BaseModel | None:
        key = ("in force", kind, path)
        before, known = self._known(key)
        tried: set[str] = set()
        for commit in self._line():
            if commit.id == before:
                return self._keep(key, known)  # type: ignore[no-any-return]
            blob = self.clone.entry(commit.tree_id, path)
            if blob is None or blob in tried:
                continue
            tried.add(blob)
            try:
                return self._keep(key, self.clone.document(kind, path, blob))  # type: ignore[no-any-return]
            except DocumentError:
                continue
        return self._keep(key, None)  # type: ignore[no-any-return]

    def pinned(self, pipeline: str, commit: str) -> BaseModel | None:
        found = self._ancestor(commit)
        if found is None:
            return None
        path = layout.pipeline(pipeline)
        blob = self.clone.entry(found.tree_id, path)
        return self.clone.document("pipeline", path, blob) if blob is not None else None

    def _ancestor(self, commit: str) -> CommitObject | None:
        """The commit that a (shortened) id names, if it is in `main`."""
        key = ("ancestor", commit)
        before, full = self._known(key)
        if not full:
            full = self.clone.commit_named(commit)
        if full is None:
            return None
        if not self.clone.descends(self.tip, before or full) and not self.clone.descends(self.tip, full):
            return None
        return self.clone.commit(self._keep(key, full))

    def introduced(self, path: str, blob: str) -> Introduced:
        """Follows any parent that has the same blob at the path, so a merged commit keeps its author."""
        key = ("introduced", path, blob)
        before, known = self._known(key)
        commit = self.clone.commit(self.tip)
        for _ in range(MAX_WALK):
            if commit.id == before:
                return self._keep(key, known)  # type: ignore[no-any-return]
            parents = (self.clone.commit(oid) for oid in commit.parent_ids)
            earlier = next((each for each in parents if self.clone.entry(each.tree_id, path) == blob), None)
            if earlier is None:
                break
            commit = earlier
        return self._keep(key, _introduced(commit))  # type: ignore[no-any-return]

    def removed(self, path: str) -> tuple[Introduced, bool] | None:
        key = ("removed", path)
        before, known = self._known(key)
        last = self.clone.commit(self.tip)
        for commit in self._line():
            if commit.id == before:
                return self._keep(key, known)  # type: ignore[no-any-return]
            if self.clone.entry(commit.tree_id, path) is not None:
                found = (_introduced(last), says(last.message, DELETE_NOW))
                return self._keep(key, found)  # type: ignore[no-any-return]
            last = commit
        return self._keep(key, None)  # type: ignore[no-any-return]

    def departed(self) -> Collection[str]:
        *_, oldest = islice(self._line(), LOOK_BACK)
        then, now = (set(CloneBranch(self.clone, oid).projects()) for oid in (oldest.id, self.tip))
        return then - now

    def confirmed(self, since: frozenset[str]) -> bool:
        key = ("confirmed", *sorted(since))
        before, known = self._known(key)
        if before != self.tip:
            known = self._keep(key, self._confirmed(since))
        return bool(known)

    def _confirmed(self, since: frozenset[str]) -> bool:
        left, oldest = set(since), self.tip
        for commit in self._line():
            if not left:
                break
            oldest = commit.id
            left.discard(oldest)
        return any(says(self.clone.commit(oid).message, CONFIRM) for oid in self._since(oldest))

    def _since(self, oldest: str) -> Iterator[str]:
        """Commits up to the tip that are in the history of the oldest one's parents no more than libgit2 can tell."""
        try:
            walk = self.clone.repo.walk(self.tip)
            for parent in self.clone.commit(oldest).parent_ids:
                walk.hide(parent)
            yield from (str(commit.id) for _, commit in zip(range(MAX_WALK), walk, strict=False))
        except (KeyError, ValueError, pygit2.GitError):
            for commit in self._line():
                yield commit.id
                if commit.id == oldest:
                    return


def _introduced(commit: CommitObject) -> Introduced:
    told = datetime.fromtimestamp(commit.commit_time, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if commit.commit_time else ""
    return Introduced(commit.id, commit.author, told)
