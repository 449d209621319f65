"""Files that a killed writer never finished. They are in nobody's way, and nobody would ever remove them.

Each kind has a name that only Winslow gives. Who still writes one has touched it within a day; what can be gone on with
is kept for longer than anybody may go on with it. A name that a person could have given is left alone, whatever it is.
"""

import os
import re
import stat
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from runner import durable
from runner.files.shared_folder import NOTE, PART

DAY = 86_400.0
RESUMED = 8 * DAY
"""Seconds after which no upload goes on; the page keeps one for seven days."""
MOST = 2_000_000
"""Files of a folder that are looked at."""
SMALL = ("node", "fetched", "uploads", "notices", "web", "outgoing")
"""Folders of the data directory in which small files are written."""
_DRAFT = re.compile(r".+\.[0-9]{1,10}-[0-9]{1,20}\.part")
_NOTE_DRAFT = re.compile(r".+\.part\.json\.[0-9]{1,10}-[0-9]{1,20}\.part")
_FETCHED = re.compile(r"\..+\.fetched\.part")
_UPLOAD = re.compile(r".+\.[0-9a-f]{32}\.part")
_TEMPORARY = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class NodePlaces:
    """Where a node writes: its directory, the pool, and the folder of its store in which contents grow."""

    data: Path
    pool: Path
    store: Path


def clear(places: NodePlaces, now: float) -> tuple[int, int]:
    """Remove them; how many, and their bytes. `now` is by the clock on the wall, as the files' times are."""
    count = size = 0
    for path in _unfinished(places, now):
        try:
            there = path.stat(follow_symlinks=False).st_size
            path.unlink()
        except OSError:
            continue
        count, size = count + 1, size + there
    return count, size


def clear_and_say(places: NodePlaces, say: Callable[[str], None]) -> None:
    """At a start, beside the rounds."""
    count, size = clear(places, time.time())
    if count:
        files = f"{count} file{'s' if count != 1 else ''} that killed writers left unfinished"
        say(f"removed {files}, {size / 2**20:.1f} MiB")


def _unfinished(places: NodePlaces, now: float) -> Iterator[Path]:
    data = places.data
    for path in (*_files([data], deep=False), *_files(data / name for name in SMALL)):
        if _DRAFT.fullmatch(path.name) and _older(path, now - DAY):
            yield path
    for path in _files([places.pool, *data.glob("projects/*/files")]):
        yield from _of_people(path, now)
    for path in _files([places.store], deep=False):
        if _TEMPORARY.fullmatch(path.name) and _older(path, now - DAY):
            yield path


def _of_people(path: Path, now: float) -> Iterator[Path]:
    """Among what people put in."""
    if not path.name.endswith((PART, NOTE)):
        return
    if _FETCHED.fullmatch(path.name) or _NOTE_DRAFT.fullmatch(path.name):
        found = [path] if _older(path, now - DAY) else []
    elif _UPLOAD.fullmatch(path.name):
        found = [path] if _older(path, now - RESUMED) else []
    elif path.name.endswith(NOTE):
        part = path.with_name(path.name.removesuffix(NOTE) + PART)
        copied = durable.read(path).keys() == {"device", "inode", "size", "changed"}
        old = _older(path, now - RESUMED) and (not part.exists() or _older(part, now - RESUMED))
        found = [part, path] if copied and old else []
    else:
        found = []
    yield from found


def _older(path: Path, than: float) -> bool:
    try:
        there = path.stat(follow_symlinks=False)
    except OSError:
        return False
    return stat.S_ISREG(there.st_mode) and there.st_mtime < than


def _files(folders: Iterable[Path], *, deep: bool = True) -> Iterator[Path]:
    """No link is followed."""
    for folder in folders:
        found = (
            Path(here) / name
            for here, _, names in (os.walk(folder) if deep else islice(os.walk(folder), 1))
            for name in names
        )
        yield from islice(found, MOST)
