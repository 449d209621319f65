"""What the node did for one execution, beside its log and in the same form: `<RFC 3339 UTC time> W <text>`."""

from pathlib import Path

from runner import logs

FILE = "events"
MOST = 64 * 1024
"""Bytes after which nothing is noted any more."""
LONGEST = 500


def note(directory: Path, text: str, now: float | None = None) -> None:
    """Once, where the same is said again. Nothing depends on it: where the disk takes nothing, it is not noted."""
    text = logs.clean(text.replace("\n", " "))[:LONGEST]
    path = directory / FILE
    try:
        if any(line.text == text for line in noted(directory)) or (path.exists() and path.stat().st_size > MOST):
            return
        with path.open("a", encoding="utf-8", errors="replace") as file:
            file.write(f"{logs.stamp(now)} W {text}\n")
    except OSError:
        pass


def noted(directory: Path) -> list[logs.Line]:
    """Oldest first."""
    return logs.tail(directory / FILE, 1000)
