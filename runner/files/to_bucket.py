"""Contents that a person put into this machine's store for a stage that may run elsewhere, on their way to the bucket.

    DATA/outgoing/<digest>     empty, until the node has sent it: only the node has the bucket's keys

Who puts something in waits for that before the request that names it is committed.
"""

import json
import time
from pathlib import Path

from runner.store import digests

FOLDER, NUDGE, VIEW = "outgoing", "nudge", "view.json"
LOOK_EVERY = 0.1


def bucket_of(data: Path) -> str:
    """Of the node of this machine, as it said itself; nothing where it has none."""
    try:
        found = json.loads((data / VIEW).read_text()).get("bucket")
    except (OSError, ValueError, AttributeError):
        return ""
    return found if isinstance(found, str) else ""


def note(data: Path, digest: str) -> Path | None:
    """What goes away once it is sent; None where there is no bucket."""
    if not bucket_of(data):
        return None
    path = data / FOLDER / digest.removeprefix(digests.PREFIX)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    (data / NUDGE).touch()
    return path


def sent(path: Path, patience: float) -> bool:
    """Whether the node sent it within so many seconds."""
    deadline = time.monotonic() + patience
    while path.exists():
        if time.monotonic() > deadline:
            return False
        time.sleep(LOOK_EVERY)
    return True
