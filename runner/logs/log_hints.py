"""What a program's last words mean where they name a rule of Winslow's that the program could not know."""

import re
from pathlib import Path

from runner.logs import log_events, log_file

LOOKED_AT = 200
"""So many last lines of a log are looked at."""
HINTS = {
    re.compile(rb"cross-device link|\bEXDEV\b", re.IGNORECASE): (
        "a rename failed as between two disks (EXDEV): a folder that an earlier stage left, and what lies outside the "
        "workspace, can only be copied; `mv` and `shutil.move` do that by themselves, `os.rename` does not"
    ),
}


def tell(directory: Path) -> None:
    """In the log of a run, after the program's end; once."""
    lines = log_file.tail(directory / "log", LOOKED_AT)
    said = "\n".join(line.text for line in lines if line.stream != "W").encode(errors="replace")
    for pattern, hint in HINTS.items():
        if pattern.search(said):
            log_events.say(directory, hint)
