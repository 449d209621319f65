"""A tree that begins with what an earlier attempt saved: of some paths its files, of all others the files of before."""

from collections.abc import Iterable

from runner.store.manifest import Manifest, Row, RowKind, build, parents
from runner.store.tree import Tree


def nothing(row: Row) -> object:
    raise LookupError(row.path)


def with_saved(base: Manifest, saved: Manifest, paths: Iterable[str]) -> tuple[Manifest, int]:
    """And how many files were taken. Where the two cannot both be there, what was saved stays. BadManifest, BadGlob."""
    paths = tuple(paths)
    taken = {row.path: row for path in paths for row in _tree(saved).matching(path)}
    if not taken:
        return base, 0
    gone = {row.path for path in paths for row in _tree(base).matching(path)}
    above = {folder for path in taken for folder in parents(path)}
    rows = {path: row for path, row in base.rows.items() if path not in gone and not _in_the_way(row, taken, above)}
    for folder in above:
        rows.setdefault(folder, Row(folder, RowKind.DIRECTORY))
    return build((rows | taken).values()), len(taken)


def _in_the_way(row: Row, taken: dict[str, Row], above: set[str]) -> bool:
    """A file where a folder is to be, or anything at or below what is to be a file."""
    if row.path in taken or (row.path in above and row.kind is not RowKind.DIRECTORY):
        return True
    return any(folder in taken for folder in parents(row.path))


def _tree(manifest: Manifest) -> Tree:
    return Tree(manifest.rows, nothing)  # type: ignore[arg-type]
