"""Full logs that nobody follows any more: packed into the store, and found again by whoever has the record.

    DATA/runs/<container>/log         as the stage wrote it
    DATA/runs/<container>/archived    under which digest the store has it, and which bucket
    DATA/runs/<container>/log.gz      as an earlier version packed it; the store gets it in time

Whichever is there is whole, and both are there only until the next look. The note comes before what it names, so who
deletes the run knows what to let go of in the store.
"""

import gzip
import json
import os
import shutil
import tempfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, cast

from runner import durable
from runner.store import digests
from runner.store.blocks import Blocks
from runner.store.errors import MissingObject
from runner.store.packed import Packed

LOG, OLD, NOTE = "log", "log.gz", "archived"
SMALL = 16 << 10
"""Bytes below which packing a log is not worth it: the repository has all of it."""
PIECE = 1 << 20


class DamagedLog(OSError):
    """The archived log cannot be read, or is not what the record says."""


def archive(
    run: Path, packed: Packed, passing: Callable[[str], None] = lambda place: None, wanted: str | None = None
) -> bool:
    """Whether there was one to be packed. Cut off anywhere, do it again. OSError.

    `wanted` is the digest in the record: what an earlier version packed is left where it is if it is not that.
    """

    def before(digest: str) -> None:
        if wanted and digest != wanted and not (run / LOG).is_file():
            raise _other(run)
        _note(run, {"digest": digest})
        passing("log-noted")

    with _opened(run) as source:
        if source is None:
            return False
        digest = packed.put(source, run.name, before)
    passing("log-packed")
    if not run.is_dir():  # deleted meanwhile
        packed.forget(digest, run.name)
        return False
    for name in (LOG, OLD):
        (run / name).unlink(missing_ok=True)
    return True


@contextmanager
def _opened(run: Path) -> Iterator[BinaryIO | None]:
    if (run / LOG).is_file():
        with (run / LOG).open("rb") as file:
            yield file
    elif (run / OLD).is_file():
        try:
            with gzip.open(run / OLD, "rb") as old:
                yield cast(BinaryIO, old)
        except (zlib.error, EOFError, gzip.BadGzipFile) as error:
            raise _damaged(run, error) from None
    else:
        yield None


def runs_of(data: Path, digest: str) -> Iterator[Path]:
    """Whose log that is."""
    return (file.parent for file in (data / "runs").glob(f"*/{NOTE}") if archived(file.parent) == digest)


def forget(run: Path, packed: Packed) -> None:
    """Before its run is deleted. OSError."""
    if digest := archived(run):
        packed.forget(digest, run.name)


def archived(run: Path) -> str | None:
    """The digest of its log, once the store has it or is about to."""
    found = durable.read(run / NOTE).get("digest")
    return str(found) if digests.is_digest(found) else None


def sent_to(run: Path) -> str:
    """The bucket that has its log."""
    found = durable.read(run / NOTE).get("bucket")
    return found if isinstance(found, str) else ""


def mark_sent(run: Path, bucket: str) -> None:
    _note(run, {**durable.read(run / NOTE), "bucket": bucket})


def _note(run: Path, content: Mapping[str, object]) -> None:
    """In a run that is there: one that was deleted meanwhile is not made anew."""
    part = run / f"{NOTE}.part"
    with part.open("w") as file:
        file.write(json.dumps(content))
        file.flush()
        os.fsync(file.fileno())
    part.rename(run / NOTE)


def here(data: Path, container: str, digest: str | None = None) -> Path | Blocks | None:
    """The log as this machine has it: as a file, else packed; `digest` is what the record says. OSError."""
    run = data / "runs" / container
    if file := restored(run, digest):
        return file
    wanted = archived(run) or digest
    try:
        return Packed(data / "store").find(wanted) if wanted else None
    except MissingObject:
        return None


def restored(run: Path, digest: str | None = None) -> Path | None:
    """The log where it is a file, to read anywhere in; None where there is none. DamagedLog, OSError.

    One that an earlier version packed is put back, or, where this user may not, where temporary files are.
    """
    log = run / LOG
    if log.is_file() or not (run / OLD).is_file():
        return log if log.is_file() else None
    try:
        target = _unpacked(run, run)
    except PermissionError:
        target = _unpacked(run, Path(tempfile.mkdtemp(prefix="winslow-log-")))
    if digest and digests.of_file(target) != digest:
        target.unlink(missing_ok=True)
        raise _other(run)
    if target.parent == run:
        (run / OLD).unlink(missing_ok=True)
    return target


def _unpacked(run: Path, folder: Path) -> Path:
    part = folder / f"{LOG}.{os.getpid()}.part"
    try:
        with gzip.open(run / OLD, "rb") as source, part.open("wb") as target:
            shutil.copyfileobj(source, target, PIECE)
    except (zlib.error, EOFError, gzip.BadGzipFile) as error:
        with suppress(OSError):
            part.unlink()
        raise _damaged(run, error) from None
    part.rename(folder / LOG)
    return folder / LOG


def _other(run: Path) -> DamagedLog:
    return DamagedLog(f"the archived log {run / OLD} is damaged: it is not what the record says")


def _damaged(run: Path, error: Exception) -> DamagedLog:
    return DamagedLog(f"the archived log {run / OLD} cannot be read: {error}")
