"""Making a tree complete with what another node has: the manifest first, then every object that is missing here."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import BinaryIO, cast

from runner.store.errors import DamagedObject
from runner.store.manifest import MOST_BYTES, Kind, Row, parse
from runner.store.objects import Objects

Source = Callable[[str], object]
"""Opens an object by its digest, for reading. MissingObject where it has none."""
AT_ONCE = 4


def bring(objects: Objects, manifest: str, source: Source) -> int:
    """Bytes that came. StoreError; what has come until then stays, and is not asked for again."""
    came = 0
    if not objects.has(manifest):
        came += _one(objects, manifest, False, source)
    files = parse(objects.read(manifest, MOST_BYTES))
    missing = {row.value: row for row in files.contents() if not objects.has(row.value)}
    with ThreadPoolExecutor(AT_ONCE, "bring") as pool:
        return came + sum(pool.map(lambda row: _row(objects, row, source), missing.values()))


def _row(objects: Objects, row: Row, source: Source) -> int:
    return _one(objects, row.value, row.kind is Kind.PROGRAM, source)


def _one(objects: Objects, digest: str, executable: bool, source: Source) -> int:
    with cast(BinaryIO, source(digest)) as file:
        found, size = objects.copy(file, executable)
    if found != digest:
        raise DamagedObject(f"asked for {digest}, and got {found}")
    return size
