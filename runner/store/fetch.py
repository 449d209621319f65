"""Making a tree complete with what others have: the manifest first, then every object that is missing here.

Holders are asked in their order, for each object anew. What comes is believed only once its digest is right; one that
has it damaged, or not at all although it should, is mended from the next where it can be.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from runner.store import digests
from runner.store.check import put_aside
from runner.store.errors import Away, DamagedObject, MissingObject, StoreError
from runner.store.manifest import MOST_BYTES, Row, RowKind, parse
from runner.store.objects import PIECE, Objects
from runner.store.push import each

Source = Callable[[str], object]
"""Opens an object by its digest, for reading. MissingObject where it has none."""
AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Holder:
    """Somebody who may have objects. `mend` gives it one that it should have had.

    `sure`: while it is away, nothing is given up.
    """

    name: str
    open: Source
    mend: Callable[[str, Path], None] | None = None
    sure: bool = True


def bring(
    objects: Objects,
    manifest: str,
    holders: Sequence[Holder],
    say: Callable[[str], None] = lambda text: None,
    passing: Callable[[], None] = lambda: None,
) -> int:
    """Bytes that came. StoreError; what has come until then stays, and is not asked for again.

    Away if one that could not be asked may have what the others have not.
    """
    came = _manifest(objects, manifest, holders, say)
    files = parse(objects.read(manifest, MOST_BYTES))
    missing = {row.value: row for row in files.contents() if not _whole(objects, row)}

    def one(row: Row) -> int:
        size = _one(objects, row.value, row.kind is RowKind.PROGRAM, holders, say)
        passing()
        return size

    return came + sum(each(one, missing.values(), AT_ONCE, objects.joined()))


def fetch(
    objects: Objects, contents: Iterable[str], holders: Sequence[Holder], say: Callable[[str], None] = lambda text: None
) -> int:
    """Bytes that came of contents that no manifest names yet: what a person put in for a next stage. StoreError."""
    return sum(_one(objects, digest, False, holders, say) for digest in contents if not objects.has(digest))


def _manifest(objects: Objects, manifest: str, holders: Sequence[Holder], say: Callable[[str], None]) -> int:
    try:
        objects.read(manifest, MOST_BYTES)
        return 0
    except MissingObject:
        pass
    except DamagedObject as error:
        say(str(error))
        put_aside(objects, objects.find(manifest))  # as long as nobody has another, it tells what not to delete
    return _one(objects, manifest, False, holders, say)


def renewed(objects: Objects, manifest: str, holders: Iterable[Holder]) -> bool:
    """Whether one of them had a list of files that is damaged here; until then that stays."""
    for holder in holders:
        with suppress(StoreError), cast(BinaryIO, holder.open(manifest)) as file:
            content = b"".join(_read(file))
            if digests.of_bytes(content) != manifest:
                continue
            objects.renew(content)
            return True
    return False


def _read(file: BinaryIO) -> Iterator[bytes]:
    left = MOST_BYTES
    while left > 0 and (piece := file.read(min(PIECE, left))):
        left -= len(piece)
        yield piece


def _whole(objects: Objects, row: Row) -> bool:
    """As far as its size shows."""
    try:
        return objects.find(row.value).stat().st_size == row.size
    except MissingObject:
        return False


def _one(objects: Objects, digest: str, executable: bool, holders: Sequence[Holder], say: Callable[[str], None]) -> int:
    wrong: list[Holder] = []
    away: Away | None = None
    missing = MissingObject(f"nobody who could be asked has {digest}")
    for holder in holders:
        try:
            with cast(BinaryIO, holder.open(digest)) as file:
                _, size = objects.copy(file, executable, digest)
        except Away as error:
            away = error if holder.sure else away
        except MissingObject:
            wrong.append(holder)
        except DamagedObject as error:
            say(f"{error}; it came from {holder.name}")
            missing = MissingObject(f"{digest} is damaged where it was to come from, {holder.name}")
            wrong.append(holder)
        else:
            _mend(objects, digest, wrong)
            return size
    raise away or missing


def _mend(objects: Objects, digest: str, wrong: Sequence[Holder]) -> None:
    for holder in wrong:
        if holder.mend:
            with suppress(StoreError):
                holder.mend(digest, objects.find(digest))
