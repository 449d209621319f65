"""Two trees and their histories, as the assembly of a snapshot needs them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from pydantic import BaseModel


@dataclass(frozen=True, slots=True)
class Introduced:
    """The commit that brought a blob to a path, and who made it."""

    commit: str
    by: str


class Branch(Protocol):
    """One branch at one commit. Paths are those `schema.layout` knows; everything else is left out."""

    @property
    def tip(self) -> str: ...

    def blobs(self) -> Mapping[str, str]:
        """Path to blob id."""
        ...

    def document(self, kind: str, path: str, blob: str) -> BaseModel:
        """DocumentError when the blob does not parse, is too large, or is no regular file."""
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

    def removed(self, path: str) -> tuple[Introduced, bool]:
        """The commit that removed a path, and whether it said `Winslow-Delete: now`."""
        ...

    def confirmed(self) -> bool:
        """Whether `main`'s tip, or a commit shortly before, says `Winslow-Confirm-Deletions: yes`."""
        ...
