"""A tree of files as a value with one canonical spelling, so that equal trees have one digest.

    winslow-manifest 1 NUL
    path NUL kind NUL size NUL value NUL     for each row, parents before children, else by the bytes of the names

Kinds: `d` a directory, `f` a file and `x` a program (value: digest), `l` a symbolic link (value: its target). Names are
bytes to the kernel; here they are text with surrogate escapes. Owners, times and other modes are no part of a tree.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise
from typing import NamedTuple

from runner.store import digests
from runner.store.errors import BadManifest

HEADER = b"winslow-manifest 1\0"
MOST_BYTES, MOST_ROWS = 512 << 20, 2_000_000
LONGEST_PATH, LONGEST_NAME = 4095, 255
FIELDS = 4
_ENCODING = ("utf-8", "surrogateescape")
_DIGEST = re.compile(rf"{digests.PREFIX}[0-9a-f]{{64}}")
_SIZE = re.compile(r"0|[1-9][0-9]{0,17}")


class RowKind(StrEnum):
    DIRECTORY = "d"
    FILE = "f"
    PROGRAM = "x"
    LINK = "l"

    @property
    def content(self) -> bool:
        return self in "fx"


_KINDS = {str(kind): kind for kind in RowKind}
_DIRECTORY = RowKind.DIRECTORY


class Row(NamedTuple):
    """`value` is the digest of a file, the target of a link; `size` the bytes of a file."""

    path: str
    kind: RowKind
    size: int = 0
    value: str = ""


@dataclass(frozen=True, slots=True)
class Manifest:
    """Rows by path, in canonical order. Made by `build` or `parse`, which check it."""

    rows: Mapping[str, Row] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows.values())

    def encode(self) -> bytes:
        return HEADER + raw("".join([f"{path}\0{kind}\0{size}\0{value}\0" for path, kind, size, value in self]))

    @property
    def digest(self) -> str:
        return digests.of_bytes(self.encode())

    @property
    def bytes(self) -> int:
        return sum(row.size for row in self)

    def contents(self) -> Iterator[Row]:
        return (row for row in self if row.kind.content)


def build(rows: Iterable[Row]) -> Manifest:
    """BadManifest for rows that make no tree: twice the same path, something below what is no directory."""
    return Manifest(_checked(sorted(rows, key=lambda row: order(raw(row.path)))))


def parse(content: bytes) -> Manifest:
    """Nothing in it is believed. BadManifest."""
    if not content.startswith(HEADER):
        raise BadManifest("this is no manifest: it begins otherwise")
    if len(content) > MOST_BYTES:
        raise BadManifest(f"a manifest of more than {MOST_BYTES} bytes")
    fields = text_of(content[len(HEADER) :]).split("\0")
    if fields.pop() or len(fields) % FIELDS or len(fields) // FIELDS > MOST_ROWS:
        raise BadManifest("a manifest that is cut off, or too long")
    paths, kinds, sizes, values = (fields[place::FIELDS] for place in range(FIELDS))
    for path, kind, size in zip(paths, kinds, sizes, strict=True):
        if kind not in _KINDS or not _SIZE.fullmatch(size):
            raise BadManifest(f"{path[:200]!r}: an unknown kind {kind[:20]!r}, or a size that is none")
    every = zip(paths, map(_KINDS.__getitem__, kinds), map(int, sizes), values, strict=True)
    return Manifest(_checked(list(map(Row._make, every))))


def _checked(rows: list[Row]) -> dict[str, Row]:
    """All rows at once, as far as that goes: there may be a hundred thousand."""
    if len(rows) > MOST_ROWS:
        raise BadManifest(f"more than {MOST_ROWS} files and folders")
    paths = [raw(row.path) for row in rows]
    _check_paths(paths)
    for place, (key, following) in enumerate(pairwise(map(order, paths)), 1):
        if key >= following:
            raise BadManifest(f"{rows[place].path[:200]!r} is there twice, or in the wrong place")
    folders = {"", *(row.path for row in rows if row.kind is _DIRECTORY)}
    if lost := {row.path.rpartition("/")[0] for row in rows} - folders:
        raise BadManifest(f"something is below {min(lost)[:200]!r}, which is no directory")
    for row in rows:
        if not (row.kind in "fx" and _DIGEST.fullmatch(row.value)):
            _check_value(row)
    return {row.path: row for row in rows}


def _check_paths(paths: list[bytes]) -> None:
    every = b"/%b/" % b"/".join(paths)
    odd = any(part in every for part in (b"//", b"/./", b"/../", b"\0"))
    for path in paths:
        if odd or len(path) > LONGEST_NAME:
            _check_path(path)


def check_row(row: Row) -> None:
    """Whether it may stand in a tree, as far as it alone shows. BadManifest."""
    _check_path(raw(row.path))
    _check_value(row)


def check_path(path: str) -> None:
    """A path that may stand in a tree: relative, plain, not too long. BadManifest."""
    _check_path(raw(path))


def _check_path(path: bytes) -> None:
    if len(path) > LONGEST_PATH or b"\0" in path:
        raise BadManifest(f"{path[:200]!r} is no path")
    for name in path.split(b"/"):
        if name in (b"", b".", b"..") or len(name) > LONGEST_NAME:
            raise BadManifest(f"{path[:200]!r} is no plain relative path")


def _check_value(row: Row) -> None:
    if row.kind.content:
        good = digests.is_digest(row.value)
    elif row.kind is RowKind.LINK:
        good = row.size == 0 and 0 < len(raw(row.value)) <= LONGEST_PATH and "\0" not in row.value
    else:
        good = row.size == 0 and not row.value
    if not good:
        raise BadManifest(f"{row.path[:200]!r}: what it says of a {row.kind.name.lower()} cannot be")


def raw(text: str) -> bytes:
    """A name as the kernel knows it."""
    return text.encode(*_ENCODING)


def order(path: bytes) -> bytes:
    """Parents right before their children, whatever the names hold: what is below a path is one run of rows."""
    return path.replace(b"/", b"\0")


def text_of(name: bytes) -> str:
    """And back, without a loss."""
    return name.decode(*_ENCODING)


def shown(path: str) -> str:
    """For documents and people: what is no text is replaced."""
    return raw(path).decode(errors="replace")


def parents(path: str) -> Iterator[str]:
    """Nearest last: `a`, `a/b` of `a/b/c`."""
    at = path.find("/")
    while at >= 0:
        yield path[:at]
        at = path.find("/", at + 1)
