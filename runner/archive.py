"""Logs that nobody reads any more take less room: compressed beside where they were, and back again when asked for.

    DATA/runs/<container>/log       as the stage wrote it
    DATA/runs/<container>/log.gz    the same; never both for long, and whichever is there is whole

The record names the digest of the log as it was, so what comes back can be told from what does not.
"""

import gzip
import os
import shutil
import tempfile
import zlib
from contextlib import suppress
from pathlib import Path

from runner.store import digests

LOG, PACKED = "log", "log.gz"
PIECE = 1 << 20
LEVEL = 6


class DamagedLog(Exception):
    """The archived log cannot be read, or is not what the record says."""


def archive(run: Path) -> int:
    """Bytes saved. Cut off anywhere, the log is still there. OSError."""
    log, packed = run / LOG, run / PACKED
    if not log.is_file():
        return 0
    part = run / f"{PACKED}.part"
    with log.open("rb") as source, part.open("wb") as file:
        with gzip.GzipFile(fileobj=file, mode="wb", compresslevel=LEVEL, mtime=0, filename="") as target:
            shutil.copyfileobj(source, target, PIECE)
        file.flush()
        os.fsync(file.fileno())
    before = log.stat().st_size
    part.rename(packed)
    log.unlink()
    return before - packed.stat().st_size


def restored(run: Path, digest: str | None = None) -> Path | None:
    """The log as a file to read anywhere in; None where there is none. DamagedLog, OSError.

    An archived one is put back beside its archive, or, where this user may not, where temporary files are.
    """
    log = run / LOG
    if log.is_file() or not (run / PACKED).is_file():
        return log if log.is_file() else None
    try:
        target = _unpacked(run, run)
    except PermissionError:
        target = _unpacked(run, Path(tempfile.mkdtemp(prefix="winslow-log-")))
    if digest and digests.of_file(target) != digest:
        target.unlink(missing_ok=True)
        raise DamagedLog(f"the archived log {run / PACKED} is damaged: it is not what the record says")
    if target.parent == run:
        (run / PACKED).unlink(missing_ok=True)
    return target


def _unpacked(run: Path, folder: Path) -> Path:
    part = folder / f"{LOG}.{os.getpid()}.part"
    try:
        with gzip.open(run / PACKED, "rb") as source, part.open("wb") as target:
            shutil.copyfileobj(source, target, PIECE)
    except (zlib.error, EOFError, gzip.BadGzipFile) as error:
        with suppress(OSError):
            part.unlink()
        raise DamagedLog(f"the archived log {run / PACKED} cannot be read: {error}") from None
    part.rename(folder / LOG)
    return folder / LOG
