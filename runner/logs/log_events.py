"""What the node did for one execution, beside its log and in the same form: `<RFC 3339 UTC time> W <text>`."""

import os
from pathlib import Path
from typing import BinaryIO

from runner.logs import log_file

FILE = "events"
MOST = 64 * 1024
"""Bytes after which nothing is noted any more."""
LONGEST = 500


def note(directory: Path, text: str, now: float | None = None) -> None:
    """Once, where the same is said again. Nothing depends on it: where the disk takes nothing, it is not noted."""
    text = log_file.clean(text.replace("\n", " "))[:LONGEST]
    path = directory / FILE
    try:
        if any(line.text == text for line in noted(directory)) or (path.exists() and path.stat().st_size > MOST):
            return
        with path.open("a", encoding="utf-8", errors="replace") as file:
            file.write(f"{log_file.stamp(now)} W {text}\n")
    except OSError:
        pass


def say(directory: Path, text: str, now: float | None = None) -> None:
    """In the log itself, after the program's end; once, also where it is gathered again."""
    text = log_file.clean(text.replace("\n", " "))[:LONGEST]
    path = directory / "log"
    try:
        if any(line.stream == "W" and line.text == text for line in log_file.tail(path, 20)):
            return
        with path.open("ab+") as file:
            torn = file.tell() and not _ends_line(file)
            file.write(f"{chr(10) if torn else ''}{log_file.stamp(now)} W {text}\n".encode(errors="replace"))
    except OSError:
        pass


def _ends_line(file: BinaryIO) -> bool:
    file.seek(-1, os.SEEK_END)
    return file.read(1) == b"\n"


def noted(directory: Path) -> list[log_file.LogLine]:
    """Oldest first."""
    return log_file.tail(directory / FILE, 1000)
