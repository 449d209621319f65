"""The line of `winslow/state` in a clone, commit by commit, as a replay reads it."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pydantic import BaseModel

from state.contract.commit_message import parse
from state.git.clone import Clone
from state.git.commit_object import CommitObject
from state.snapshot.replay import Replayed
from state.snapshot.trees import PROJECTS

AUTHOR = re.compile(r"node (\S+) <(\S+)@winslow\.invalid>")


@dataclass(frozen=True, slots=True)
class CloneLine:
    clone: Clone

    def commits(self, tip: str, since: str, most: int) -> Iterator[Replayed]:
        line: list[CommitObject] = []
        commit = self.clone.commit(tip)
        while commit.id != since and commit.parent_ids and len(line) < most:
            line.append(commit)
            commit = self.clone.commit(commit.parent_ids[0])
        return (self._replayed(commit) for commit in reversed(line))

    def _replayed(self, commit: CommitObject) -> Replayed:
        read, parent = parse(commit.message), self.clone.commit(commit.parent_ids[0])
        return Replayed(
            commit=commit.id,
            parent=parent.id,
            writer=_writer(commit, read.trailers.get("Node", "")),
            verb=read.trailers.get("Event", ""),
            by=commit.author,
            changes=tuple(self._changes(parent.tree_id, commit.tree_id)),
        )

    def _changes(self, before: str, after: str) -> Iterator[tuple[str, str, str]]:
        """Of all that `schema.layout` knows below the projects. Folders that are the same are not looked into."""
        for name in sorted(self._projects(before, after)):
            folder = f"{PROJECTS}/{name}"
            old, new = self._files(before, folder), self._files(after, folder)
            for path in sorted(old.keys() | new.keys()):
                if old.get(path, "") != new.get(path, ""):
                    yield path, old.get(path, ""), new.get(path, "")

    def _projects(self, before: str, after: str) -> frozenset[str]:
        """Names of those that differ."""
        old, new = self.clone.folder(before, PROJECTS), self.clone.folder(after, PROJECTS)
        if old and new:
            return self.clone.difference(old, new)
        return frozenset(self.clone.listing(old or new or "")) if old or new else frozenset()

    def _files(self, tree: str, folder: str) -> Mapping[str, str]:
        found = self.clone.folder(tree, folder)
        return {f"{folder}/{path}": blob for path, blob in self.clone.files(found).items()} if found else {}

    def files(self, commit: str, folder: str) -> Mapping[str, str]:
        return self._files(self.clone.commit(commit).tree_id, folder)

    def document(self, kind: str, path: str, blob: str) -> BaseModel:
        return self.clone.document(kind, path, blob)


def _writer(commit: CommitObject, node: str) -> str:
    """The node that made it, as far as an unsigned commit tells: a person's commit says another author."""
    match = AUTHOR.fullmatch(commit.author)
    return node if match and match[1] == match[2] == node else ""
