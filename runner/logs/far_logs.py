"""Logs of other nodes that somebody on this machine wants to read, on their way from the bucket.

DATA/incoming/<digest>     whose log it is and how long; goes once the node has asked: only it has the bucket's keys
"""

from pathlib import Path

from runner import durable
from runner.files.to_bucket import NUDGE, bucket_of
from runner.logs.archive import SMALL
from runner.store import digests
from schema.execution import Execution

FOLDER = "incoming"


def wish(data: Path, project: str, record: Execution) -> Path | None:
    """What goes away once the node has asked for its log, whether or not it got it. OSError.

    None where nobody has sent it: there is no bucket, it still grows, or it is so short that the repository has it.
    """
    log = record.log
    if log is None or not digests.is_digest(log.digest) or log.bytes < SMALL or not bucket_of(data):
        return None
    path = _place(data, str(log.digest))
    if not path.exists():
        durable.write(path, {"whose": project, "bytes": log.bytes})
        (data / NUDGE).touch()
    return path


def asked(data: Path, record: Execution) -> bool:
    """Whether the node has still to ask."""
    return bool(record.log and record.log.digest and _place(data, record.log.digest).exists())


def _place(data: Path, digest: str) -> Path:
    return data / FOLDER / digest.removeprefix(digests.PREFIX)
