"""Objects that nobody names any more go, once a deletion has condemned the manifests that named them.

    DATA/store/condemned/<manifest digest>     one empty file for each manifest of a deleted execution

What any execution on this node began with or left is kept, whoever else named it too; also what somebody has put in
or has asked for, until nobody wants it. Only what a condemned manifest names is looked at, and what waited too long.
"""

from collections.abc import Callable, Iterable, Iterator
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from runner import durable
from runner.store import digests
from runner.store.errors import StoreError
from runner.store.manifest import MOST_BYTES, Row, parse
from runner.store.objects import Objects

NOTE = "workspace.json"
MAY_BE_ANYTHING = (
    "as it may name anything, no object is deleted before it is had from elsewhere or the execution is dropped"
)


def condemn(objects: Objects, manifests: Iterable[object]) -> None:
    folder = objects.root / "condemned"
    for digest in manifests:
        if digests.is_digest(digest):
            folder.mkdir(parents=True, exist_ok=True)
            (folder / str(digest).removeprefix(digests.PREFIX)).touch()


def condemned(objects: Objects) -> frozenset[str]:
    """Manifests that are to be looked at."""
    found = (f"{digests.PREFIX}{path.name}" for path in (objects.root / "condemned").glob("*"))
    return frozenset(digest for digest in found if digests.is_digest(digest))


def collect(
    objects: Objects,
    projects: Path,
    passing: Callable[[str], None] = lambda place: None,
    *,
    held: AbstractSet[str] = frozenset(),
    expired: Iterable[str] = (),
    doubt: Callable[[str, str], None] = lambda manifest, text: None,
) -> int | None:
    """Bytes of the objects that went. Nobody may store meanwhile; cut off, it goes on the next time.

    `held` are contents that somebody still wants, and `expired` those that somebody wanted once. `doubt` is told of a
    manifest that cannot be read: what it may name stays. None where that may be anything: all stays, and what is
    condemned stays so until it can be read again, or its execution goes as well.
    """
    live = set(named_by_notes(projects))
    kept = _kept(objects, live, doubt)
    if kept is None:
        return None
    freed = 0
    for manifest in sorted(condemned(objects)):
        done = True
        if manifest not in live:
            came, done = _remove_all(objects, manifest, kept, held, passing)
            freed += came
            passing("collected")
        if done:
            (objects.root / "condemned" / manifest.removeprefix(digests.PREFIX)).unlink(missing_ok=True)
    return freed + sum(_remove(objects, digest) for digest in expired if not kept.names(digest) and digest not in held)


@dataclass(frozen=True, slots=True)
class LivingContents:
    """Contents of living executions; where a digest cannot be read, all of its size."""

    objects: Objects
    digests: AbstractSet[str]
    sizes: AbstractSet[int]

    def names(self, digest: str) -> bool:
        return digest in self.digests or bool(self.sizes and self._size(digest) in self.sizes)

    def _size(self, digest: str) -> int:
        try:
            return self.objects.find(digest).stat().st_size
        except (StoreError, FileNotFoundError):
            return -1


def _kept(objects: Objects, live: AbstractSet[str], doubt: Callable[[str, str], None]) -> LivingContents | None:
    """One that is not here, after the store was lost, protects nothing. None: nobody can say what is to be kept."""
    names, sizes, unknown = set(live), set[int](), False
    for manifest in sorted(live):
        try:
            names.update(_contents(objects, manifest))
            continue
        except (StoreError, OSError) as error:
            places, why = _places(objects, manifest), str(error)
        for place in places:
            rows = _damaged(place)
            what = "what it may name is not deleted" if rows else MAY_BE_ANYTHING
            doubt(manifest, f"its list of files cannot be read ({why}); {what}")
            names.update(row.value for row in rows or ())
            sizes.update(row.size for row in rows or () if not objects.has(row.value))
            unknown = unknown or rows is None
    return None if unknown else LivingContents(objects, names, sizes)


def _places(objects: Objects, manifest: str) -> list[Path]:
    """Where it lies damaged: as the object, and where `check` has put it."""
    name = manifest.removeprefix(digests.PREFIX)
    return [path for path in (objects.path(manifest), aside(objects, name)) if path.exists()]


def aside(objects: Objects, name: str) -> Path:
    """Where a damaged object is put, out of the way and not deleted."""
    return objects.root / "damaged" / name[:2] / name[2:]


def _damaged(place: Path) -> list[Row] | None:
    """What it names as far as that can be read; None where it cannot."""
    try:
        with place.open("rb") as file:
            return list(parse(file.read(MOST_BYTES)).contents())
    except (StoreError, OSError):
        return None


def named_by_notes(projects: Path) -> Iterator[str]:
    """Manifests of every execution on this node."""
    for path in projects.glob(f"*/*/{NOTE}"):
        note = durable.read(path)
        yield from (str(note[key]) for key in ("from", "result", "saved") if digests.is_digest(note.get(key)))


def named_for(projects: Path, manifest: str) -> Iterator[str]:
    """Executions that began with it or left it."""
    for path in sorted(projects.glob(f"*/*/{NOTE}")):
        note = durable.read(path)
        if manifest in (note.get("from"), note.get("result"), note.get("saved")):
            yield f"{path.parent.parent.name}/{int(path.parent.name)}"


def _contents(objects: Objects, manifest: str) -> list[str]:
    return [row.value for row in parse(objects.read(manifest, MOST_BYTES)).contents()]


def _remove_all(
    objects: Objects, manifest: str, kept: LivingContents, held: AbstractSet[str], passing: Callable[[str], None]
) -> tuple[int, bool]:
    """Bytes, and whether nothing is left. The manifest last: without it nobody would know what else is to go."""
    try:
        named = _contents(objects, manifest)
    except (StoreError, OSError):
        named = []
    freed = 0
    waits = [digest for digest in named if digest in held and not kept.names(digest)]
    for digest in (*named, *(() if waits else (manifest,))):
        if digest not in held and not kept.names(digest):
            freed += _remove(objects, digest)
            passing("collecting")
    return freed, not waits


def _remove(objects: Objects, digest: str) -> int:
    freed = 0
    for executable in (False, True):
        path = objects.path(digest, executable)
        with suppress(FileNotFoundError):
            freed += path.stat().st_size
            path.unlink()
    return freed
