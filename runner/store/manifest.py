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
from typing import NamedTuple

from runner.store import digests
from runner.store.errors import BadManifest

HEADER = b"winslow-manifest 1\0"
MOST_BYTES, MOST_ROWS = 512 << 20, 2_000_000
LONGEST_PATH, LONGEST_NAME = 4095, 255
_ENCODING = ("utf-8", "surrogateescape")
_ODD = re.compile(rb"(?:^|/)\.{0,2}(?:/|$)|\0", re.DOTALL)
"""A path that needs a closer look: an empty part, `.`, `..`, or NUL."""
_DIGEST = re.compile(rf"{digests.PREFIX}[0-9a-f]{{64}}")


class Kind(StrEnum):
    DIRECTORY = "d"
    FILE = "f"
    PROGRAM = "x"
    LINK = "l"

    @property
    def content(self) -> bool:
        return self is Kind.FILE or self is Kind.PROGRAM


_KINDS = {kind.value.encode(): kind for kind in Kind}


class Row(NamedTuple):
    """`value` is the digest of a file, the target of a link; `size` the bytes of a file."""

    path: str
    kind: Kind
    size: int = 0
    value: str = ""


@dataclass(frozen=True, slots=True)
class Manifest:
    """Rows by path, in canonical order. Made by `build` or `parse`, which check it."""

    rows: Mapping[str, Row] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows.values())

    def encode(self) -> bytes:
        return HEADER + b"".join(
            b"%s\0%s\0%d\0%s\0" % (raw(row.path), row.kind.value.encode(), row.size, raw(row.value)) for row in self
        )

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
    ordered = sorted(rows, key=lambda row: _order(raw(row.path)))
    return Manifest(_checked(ordered))


def parse(content: bytes) -> Manifest:
    """Nothing in it is believed. BadManifest."""
    if not content.startswith(HEADER):
        raise BadManifest("this is no manifest: it begins otherwise")
    if len(content) > MOST_BYTES:
        raise BadManifest(f"a manifest of more than {MOST_BYTES} bytes")
    fields = content[len(HEADER) :].split(b"\0")
    if len(fields) % 4 != 1 or fields[-1] or len(fields) // 4 > MOST_ROWS:
        raise BadManifest("a manifest that is cut off, or too long")
    every = iter(fields[:-1])
    return Manifest(_checked([_row(*four) for four in zip(every, every, every, every, strict=True)]))


def _row(path: bytes, kind: bytes, size: bytes, value: bytes) -> Row:
    if not size.isdigit() or len(size) > 18 or (size[:1] == b"0" and size != b"0"):
        raise BadManifest(f"{path[:200]!r}: a size that is none")
    try:
        return Row(path.decode(*_ENCODING), _KINDS[kind], int(size), value.decode(*_ENCODING))
    except KeyError:
        raise BadManifest(f"{path[:200]!r}: an unknown kind {kind[:20]!r}") from None


def _checked(rows: list[Row]) -> dict[str, Row]:
    if len(rows) > MOST_ROWS:
        raise BadManifest(f"more than {MOST_ROWS} files and folders")
    found: dict[str, Row] = {}
    folders = {""}
    last = b""
    for row in rows:
        name = row.path
        path = name.encode("utf-8", "surrogateescape")
        if (order := path.replace(b"/", b"\0")) <= last:
            raise BadManifest(f"{name[:200]!r} is there twice, or in the wrong place")
        last = order
        if len(path) > LONGEST_NAME or _ODD.search(path):
            _check_path(path)
        if not (row.kind.content and _DIGEST.fullmatch(row.value)):
            _check_value(row)
        if name.rpartition("/")[0] not in folders:
            raise BadManifest(f"{name[:200]!r} is below what is no directory")
        if row.kind is Kind.DIRECTORY:
            folders.add(name)
        found[name] = row
    return found


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
    elif row.kind is Kind.LINK:
        good = row.size == 0 and 0 < len(raw(row.value)) <= LONGEST_PATH and "\0" not in row.value
    else:
        good = row.size == 0 and not row.value
    if not good:
        raise BadManifest(f"{row.path[:200]!r}: what it says of a {row.kind.name.lower()} cannot be")


def raw(text: str) -> bytes:
    """A name as the kernel knows it."""
    return text.encode(*_ENCODING)


def _order(path: bytes) -> bytes:
    """Parents right before their children, whatever the names hold."""
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
