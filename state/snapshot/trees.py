"""Two trees and their histories, as the assembly of a snapshot needs them.

A tree is seen as *folders*: one for each project, and one each for the pipelines, nodes, inventories and the files at
the root. A folder has an id of its content, so what did not change is never looked into.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

from pydantic import BaseModel

from schema import layout

PROJECTS = "projects"
ROOT = ""
IRREGULAR = ""
"""Stands for the blob of what is no regular file: a link, a submodule, a folder where a file belongs."""

DELETE_NOW = "Winslow-Delete: now"
CONFIRM = "Winslow-Confirm-Deletions: yes"
LOOK_BACK = 1000
"""First parents of `main`, at the first look of a process: what leaves later is seen as it leaves."""

place_on_main = lru_cache(4096)(layout.place_on_main)
place_on_state = lru_cache(4096)(layout.place_on_state)


def folder_of(path: str) -> str:
    """`projects/v/…` is in `projects/v`, `pipelines/p.yaml` in `pipelines`, `winslow.yaml` in the root."""
    parts = path.split("/", 2)
    if parts[0] == PROJECTS and len(parts) > 2:
        return f"{PROJECTS}/{parts[1]}"
    return parts[0] if len(parts) > 1 else ROOT


def says(message: str, line: str) -> bool:
    """Whether a commit message has that line."""
    return any(found.strip() == line for found in message[:20_000].splitlines())


@dataclass(frozen=True, slots=True)
class Introduced:
    """The commit that brought a blob to a path, and who made it."""

    commit: str
    by: str
    at: str = ""  # ISO 8601 UTC, by the committer's clock: for people


class Branch(Protocol):
    """One branch at one commit."""

    @property
    def tip(self) -> str: ...

    def projects(self) -> Iterable[str]:
        """Every name below `projects/`."""
        ...

    def content(self, folder: str) -> str | None:
        """The id of a folder's content (`folder_of`); None where there is no such folder."""
        ...

    def changed(self, before: str) -> Collection[str] | None:
        """Names below `projects/` whose content is another one at the commit `before`; None where nobody can say."""
        ...

    def files(self, folder: str) -> Mapping[str, str]:
        """Path to blob id of at least everything in one folder that `schema.layout` knows; IRREGULAR for no file."""
        ...

    def trees(self, folder: str) -> Mapping[str, str]:
        """The folders in one folder, each with the id of its tree."""
        ...

    def holds(self, tree: str, name: str) -> bool:
        """Whether a folder that `trees` gave has a file of that name."""
        ...

    def document(self, kind: str, path: str, blob: str) -> BaseModel:
        """DocumentError when the blob does not parse, is too large, or is no regular file."""
        ...

    def text(self, path: str, blob: str) -> str:
        """DocumentError when it is too large or no regular file."""
        ...


class History(Protocol):
    """What only the history of `main` tells."""

    def in_force(self, kind: str, path: str) -> BaseModel | None:
        """From the newest first-parent ancestor at which the file parses; None where it never did."""
        ...

    def pinned(self, pipeline: str, commit: str) -> BaseModel | None:
        """The pipeline's file at an ancestor of `main`. DocumentError if it does not parse there."""
        ...

    def introduced(self, path: str, blob: str) -> Introduced: ...

    def removed(self, path: str) -> tuple[Introduced, bool] | None:
        """The commit that removed a path, and whether it said `Winslow-Delete: now`; None where it never was there."""
        ...

    def departed(self) -> Collection[str]:
        """Names below `projects/` that were there some time ago and are not now. Looks back `LOOK_BACK` commits."""
        ...

    def confirmed(self, since: frozenset[str]) -> bool:
        """Whether `main`'s tip, or a commit back to the oldest of these, says `Winslow-Confirm-Deletions: yes`."""
        ...
