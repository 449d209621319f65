"""Objects that nobody names any more go, once a deletion has condemned the manifests that named them.

    DATA/store/condemned/<manifest digest>     one empty file for each manifest of a deleted execution

What any execution on this node began with or left is kept, whoever else named it too. Only what a condemned manifest
names is looked at, so contents that a person has just put in for a next stage are safe.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from runner import notes
from runner.store import digests
from runner.store.errors import StoreError
from runner.store.manifest import MOST_BYTES, parse
from runner.store.objects import Objects

NOTE = "workspace.json"


def condemn(objects: Objects, manifests: Iterable[object]) -> None:
    folder = objects.root / "condemned"
    for digest in manifests:
        if digests.is_digest(digest):
            folder.mkdir(parents=True, exist_ok=True)
            (folder / str(digest).removeprefix(digests.PREFIX)).touch()


def collect(objects: Objects, projects: Path, passing: Callable[[str], None] = lambda place: None) -> int:
    """Bytes of the objects that went. Nobody may store meanwhile; cut off, it goes on the next time.

    Nothing goes while the manifest of a living execution cannot be read: nobody knows what it names. StoreError.
    """
    condemned = list((objects.root / "condemned").glob("*"))
    if not condemned:
        return 0
    live = set(named_by_notes(projects))
    kept = set(live)
    for manifest in live:
        kept |= set(_contents(objects, manifest))
    freed = 0
    for path in condemned:
        manifest = f"{digests.PREFIX}{path.name}"
        if manifest not in live:
            freed += _remove_all(objects, manifest, kept, passing)
            passing("collected")
        path.unlink(missing_ok=True)
    return freed


def named_by_notes(projects: Path) -> Iterator[str]:
    """Manifests of every execution on this node."""
    for path in projects.glob(f"*/*/{NOTE}"):
        note = notes.read(path)
        yield from (str(note[key]) for key in ("from", "result") if digests.is_digest(note.get(key)))


def _contents(objects: Objects, manifest: str) -> list[str]:
    return [row.value for row in parse(objects.read(manifest, MOST_BYTES)).contents()]


def _remove_all(objects: Objects, manifest: str, kept: set[str], passing: Callable[[str], None]) -> int:
    """The manifest last: without it nobody would know what else is to go."""
    try:
        named = _contents(objects, manifest)
    except StoreError:
        named = []
    freed = 0
    for digest in (*named, manifest):
        if digest not in kept:
            freed += _remove(objects, digest)
            passing("collecting")
    return freed


def _remove(objects: Objects, digest: str) -> int:
    freed = 0
    for executable in (False, True):
        path = objects.path(digest, executable)
        with suppress(FileNotFoundError):
            freed += path.stat().st_size
            path.unlink()
    return freed
