"""Reading a store again: what is no longer its content is named and put aside, so that it is fetched or made anew.

    ROOT/damaged/ab/cdef…       what lay under that digest
    ROOT/damaged/ab/cdef….gz    the same, packed

That a disk gives back other bytes of the same length shows only by reading them all. A stage that is at work keeps the
file that it has open; the next one that needs it finds it missing, and asks those who may have it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from runner import durable
from runner.store import digests
from runner.store.blocks import Blocks
from runner.store.collect import NOTE, aside
from runner.store.errors import StoreError
from runner.store.manifest import MOST_BYTES, parse
from runner.store.objects import Objects
from runner.store.packed import END, Packed


@dataclass(frozen=True, slots=True)
class Damage:
    """`why` is what the disk said, where it could not be read at all."""

    digest: str
    size: int
    aside: Path
    why: str = ""


def check(objects: Objects, progress: Callable[[int, int], None] = lambda done, size: None) -> Iterator[Damage]:
    """Every object that is damaged, once it is out of the way. OSError where it cannot be moved."""
    places = [*sorted(objects.folder.glob("*/*")), *(path for _, path in Packed(objects.root).all())]
    files = [(path, path.stat().st_size) for path in places]
    done, total = 0, sum(size for _, size in files)
    for path, size in files:
        digest = f"{digests.PREFIX}{path.parent.name}{path.name.partition('.')[0]}"
        found, why = _found(path)
        done += size
        progress(done, total)
        if found not in ("", digest) or why:
            yield Damage(digest, size, put_aside(objects, path), why)


def _found(path: Path) -> tuple[str, str]:
    """Its digest, or why it cannot be read; nothing of one that went meanwhile."""
    try:
        return Blocks(path).digest() if path.suffix == END else digests.of_file(path), ""
    except FileNotFoundError:
        return "", ""
    except OSError as error:
        return "", str(error)


def put_aside(objects: Objects, path: Path) -> Path:
    target = aside(objects, path.parent.name + path.name)
    target.parent.mkdir(parents=True, exist_ok=True)
    path.rename(target)
    return target


def named_by(objects: Objects, projects: Path, digest: str) -> Iterator[tuple[str, int, str]]:
    """Project, execution and path of what a node's executions began with or left, nothing for the list of files."""
    for file in sorted(projects.glob(f"*/*/{NOTE}")):
        note, where = durable.read(file), (file.parent.parent.name, int(file.parent.name))
        manifests = [str(note[key]) for key in ("result", "from") if digests.is_digest(note.get(key))]
        if digest in manifests:
            yield *where, ""
        for manifest in manifests[:1]:
            try:
                rows = parse(objects.read(manifest, MOST_BYTES)).contents()
                yield from ((*where, row.path) for row in rows if row.value == digest)
            except StoreError:
                continue
