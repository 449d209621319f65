"""What a stage changed, laid over the tree that it began with. Of what it did not change, no row is looked into.

In canonical order everything below a path is one run of rows. So a change takes out a run, puts in a row or both, and
what lies between two changes stays in one piece.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from runner.store.errors import BadManifest
from runner.store.manifest import FIELDS, HEADER, MOST_BYTES, MOST_ROWS, Manifest, Row, RowKind, check_row, order, raw


@dataclass(frozen=True, slots=True)
class Gone:
    """A path that is no longer there, nor what lay below it."""

    path: str


@dataclass(frozen=True, slots=True)
class Opaque:
    """A directory of which nothing that lay below it is there any more; its row comes next."""

    path: str


Change = Row | Gone | Opaque
"""A row is a file, link or directory as it is now; of a directory that was there before, the rest stays."""


def rows(base: Manifest, changes: Iterable[Change]) -> list[Row]:
    """Changes in canonical order."""
    before = list(base)
    after: list[Row] = []
    for part in _laid_over([raw(row.path) for row in before], changes):
        after += [part] if isinstance(part, Row) else before[part]
    return after


def patched(base: bytes, changes: Iterable[Change]) -> bytes:
    """The same of a manifest that has been checked, as it is written. BadManifest where one cannot be."""
    fields = base[len(HEADER) : -1].split(b"\0") if len(base) > len(HEADER) else []
    after: list[bytes] = []
    for part in _laid_over(fields[::FIELDS], changes):
        if isinstance(part, Row):
            check_row(part)
            after += (raw(part.path), part.kind.encode(), b"%d" % part.size, raw(part.value))
        else:
            after += fields[part.start * FIELDS : part.stop * FIELDS]
    if len(after) > MOST_ROWS * FIELDS:
        raise BadManifest(f"more than {MOST_ROWS} files and folders")
    content = HEADER + b"\0".join([*after, b""])
    if len(content) > MOST_BYTES:
        raise BadManifest(f"a manifest of more than {MOST_BYTES} bytes")
    return content


def _laid_over(paths: Sequence[bytes], changes: Iterable[Change]) -> Iterator[slice | Row]:
    """Rows of the base by their places, and changed ones, as they follow each other."""
    done = 0
    for each in changes:
        key = order(raw(each.path))
        stays = isinstance(each, Row) and each.kind is RowKind.DIRECTORY
        start = bisect_left(paths, key, done, key=order)
        stop = bisect_left(paths, key + (b"\0" if stays else b"\1"), start, key=order)
        yield slice(done, start)
        if isinstance(each, Row):
            yield each
        done = stop
    yield slice(done, len(paths))
