"""What a stage left becomes objects and a manifest as it is written. Nobody may write to its folders any more."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from runner.store import upper
from runner.store.changes import patched
from runner.store.digests import Changing, DigestCache
from runner.store.errors import BadManifest, NotFound
from runner.store.manifest import Row, RowKind, build, raw
from runner.store.objects import Objects

PART = ".part"
"""Names that end so are still copied."""


def keep_upper(objects: Objects, base: bytes, folder: Path) -> bytes:
    """Of an overlay over a manifest: only what the stage changed is read. StoreError."""
    return patched(base, upper.changes(_there(folder), _keeper(objects, folder)))


def keep_folder(objects: Objects, folder: Path) -> bytes:
    """Of a plain folder: files whose digests are known are not read again. StoreError."""
    return build(upper.walk(_there(folder), _keeper(objects, folder))).encode()


def digest_of(cache: DigestCache, folder: Path) -> str | None:
    """Of a folder that others write to: what a manifest of it would have. Nothing is stored.

    None where that does not say what a program reads there: links can lead to what is not looked at, and what changes
    meanwhile is neither the one nor the other.
    """

    def seen(path: str, found: os.stat_result) -> Row:
        return Row(path, upper.kind_of(found), found.st_size, cache.file(folder / os.fsdecode(raw(path))))

    try:
        rows = upper.walk(folder, seen)
        return None if any(row.kind is RowKind.LINK for row in rows) else build(rows).digest
    except (OSError, BadManifest):
        return None


@dataclass(frozen=True, slots=True)
class FolderDigest:
    """Of all files below a folder: what a manifest of it would have."""

    digest: str
    bytes: int
    files: int


def folder_digest(cache: DigestCache, folder: Path) -> FolderDigest:
    """Of a folder that people fill. OSError; Changing while something in it is still copied; ValueError for a link that
    leads out of it, since what a program reads there would not be known.
    """

    def seen(path: str, found: os.stat_result) -> Row:
        if path.endswith(PART):
            raise Changing(f"{path!r} is still copied")
        return Row(path, upper.kind_of(found), found.st_size, cache.file(folder / os.fsdecode(raw(path))))

    try:
        rows = upper.walk(folder, seen)
        digest = build(rows).digest
    except BadManifest as error:
        raise ValueError(str(error)) from None
    for row in rows:
        if row.kind is RowKind.LINK and folder not in (folder / os.fsdecode(raw(row.path))).resolve().parents:
            raise ValueError(f"the link {row.path!r} in it leads out of it")
    contents = [row for row in rows if row.kind.content]
    return FolderDigest(digest, sum(row.size for row in contents), len(contents))


def _there(folder: Path) -> Path:
    if not folder.is_dir():
        raise NotFound(f"the workspace of this execution is not on this node ({folder})")
    return folder


def _keeper(objects: Objects, root: Path) -> Callable[[str, os.stat_result], Row]:
    top = os.fsencode(root) + b"/"

    def keep(path: str, found: os.stat_result) -> Row:
        kind = upper.kind_of(found)
        digest, size = objects.adopt(os.fsdecode(top + raw(path)), kind is RowKind.PROGRAM)
        return Row(path, kind, size, digest)

    return keep
