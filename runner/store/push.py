"""What a stage left goes to a bucket: its objects, then the manifest, so that who finds the manifest finds all."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol, TypeVar

from runner.store.errors import DamagedObject
from runner.store.manifest import MOST_BYTES, Row, parse
from runner.store.objects import Objects

AT_ONCE = 8
Item = TypeVar("Item")


class ObjectPlace(Protocol):
    """Where objects are kept for other nodes. Every method may raise Away."""

    name: str

    def has(self, digest: str, size: int) -> bool: ...

    def put(self, digest: str, path: Path) -> None: ...


def push(
    objects: Objects,
    manifest: str,
    place: ObjectPlace,
    base: str | None = None,
    sent: Callable[[], None] = lambda: None,
) -> int:
    """Bytes that went. What `base` names is not asked for where the place has that manifest. StoreError."""
    if _there(objects, manifest, place):
        return 0
    rows = {row.value: row.size for row in _files(objects, manifest)}
    if base and base != manifest and objects.has(base) and _there(objects, base, place):
        for row in _files(objects, base):
            rows.pop(row.value, None)
    went = sum(each(lambda item: _one(objects, *item, place, sent), rows.items(), AT_ONCE))
    return went + _one(objects, manifest, objects.find(manifest).stat().st_size, place, sent)


def _files(objects: Objects, manifest: str) -> Iterator[Row]:
    return parse(objects.read(manifest, MOST_BYTES)).contents()


def _there(objects: Objects, digest: str, place: ObjectPlace) -> bool:
    return place.has(digest, objects.find(digest).stat().st_size)


def _one(objects: Objects, digest: str, size: int, place: ObjectPlace, sent: Callable[[], None]) -> int:
    if place.has(digest, size):
        return 0
    path = objects.find(digest)
    if path.stat().st_size != size:
        raise DamagedObject(f"object {digest} is damaged on this node's disk, and {place.name} has it not")
    place.put(digest, path)
    sent()
    return size


def each(
    work: Callable[[Item], int],
    items: Iterable[Item],
    at_once: int,
    begin: Callable[[], None] = lambda: None,
) -> list[int]:
    """Some at a time; the first that fails ends it, and those that have not begun do not begin.

    `begin` is called in each thread first.
    """
    with ThreadPoolExecutor(at_once, "objects", begin) as pool:
        waiting = [pool.submit(work, item) for item in items]
        try:
            return [future.result() for future in waiting]
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
