"""What a node does for an execution before its program runs, for who looks on this machine.

    DATA/runs/<container>/preparing    {"text": …, "percent": …}, there until the program is started

Nothing depends on it: it is not written through to the disk, and where the disk takes nothing, it is not there.
"""

import json
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

FILE = "preparing"
MOST = 4096


@dataclass(frozen=True, slots=True)
class Preparing:
    """`percent` of what the text names, where it is known."""

    text: str
    percent: float | None = None


def show(run: Path, now: Preparing | None) -> None:
    """None: it is over."""
    path = run / FILE
    with suppress(OSError):
        if now is None:
            path.unlink(missing_ok=True)
            return
        run.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"{FILE}.{os.getpid()}.part")
        part.write_text(json.dumps({"text": now.text, "percent": now.percent}))
        part.rename(path)


def shown(run: Path) -> Preparing | None:
    """None too for what does not parse."""
    try:
        with (run / FILE).open("rb") as file:
            found = json.loads(file.read(MOST))
        percent = found["percent"]
        return Preparing(str(found["text"]), None if percent is None else min(max(float(percent), 0.0), 100.0))
    except (OSError, ValueError, TypeError, KeyError):
        return None
