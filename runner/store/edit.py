"""A person's change of a tree before the next stage begins with it: files put in or replaced, paths taken out."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from runner.store.errors import BadManifest, NotFound
from runner.store.manifest import Manifest, Row, RowKind, build, check_path, parents


@dataclass(frozen=True, slots=True)
class Added:
    """A content in the store, for a place in a workspace."""

    digest: str
    size: int
    executable: bool = False


def edited(base: Manifest, add: Mapping[str, Added], remove: Iterable[str]) -> Manifest:
    """First everything at and below the removed paths goes, then files come, with the folders they need.

    A file that takes the place of a program stays one. NotFound, BadManifest.
    """
    rows = dict(base.rows)
    for path in remove:
        _remove(rows, path.strip("/"))
    for path, added in add.items():
        check_path(path)
        for above in parents(path):
            if rows.setdefault(above, Row(above, RowKind.DIRECTORY)).kind is not RowKind.DIRECTORY:
                raise BadManifest(f"{above!r} is a file: {path!r} cannot be below it; remove it first")
        if (there := rows.get(path)) and there.kind is RowKind.DIRECTORY:
            raise BadManifest(f"{path!r} is a folder: remove it first")
        known = base.rows.get(path)
        program = added.executable or (known is not None and known.kind is RowKind.PROGRAM)
        rows[path] = Row(path, RowKind.PROGRAM if program else RowKind.FILE, added.size, added.digest)
    return build(rows.values())


def _remove(rows: dict[str, Row], path: str) -> None:
    if path not in rows:
        raise NotFound(f"there is no {path!r} to remove")
    for below in [each for each in rows if each == path or each.startswith(f"{path}/")]:
        del rows[below]
