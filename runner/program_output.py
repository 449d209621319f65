"""What a program says by files: progress, result values, metrics. Bounded, and hostile until parsed.

The program can still be running and change what is read at any moment, so nothing is looked at before it is opened:
a file is opened without following links or waiting, and what was opened is asked what it is.
"""

import json
import math
import os
import re
import stat
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path, PurePosixPath

from runner import launch_progress
from runner.logs import log_file

MOST = 64 * 1024
MOST_VALUES, MOST_METRICS, LONGEST_VALUE, DEEPEST = 100, 200, 4096, 4
PLAIN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
LONGEST_LIST = 32 * 1024
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_WHOLE = re.compile(r"-?[0-9]{1,18}")
_PERCENT = re.compile(r"(?<![0-9.])([0-9]{1,3}(?:\.[0-9]+)?) ?%")
_SAID = re.compile(r"WINSLOW_RESULT: *([A-Za-z_][A-Za-z0-9_]{0,63})=(.*)")


def progress(directory: Path) -> float | None:
    """Percent of what the node prepares, while it does; then from `io/progress`, else the last `NN%` of the log.

    None when none says anything.
    """
    if begun := launch_progress.shown(directory):
        return begun.percent
    said = _number(_bounded(directory, "io/progress", 64).strip())
    if said is not None:
        return min(max(said, 0.0), 100.0)
    for line in reversed(log_file.tail(directory / "log", 50, window=16 * 1024)):
        if found := _PERCENT.findall(line.text):
            return min(float(found[-1]), 100.0)
    return None


def results(directory: Path) -> dict[str, object]:
    """`key=value` lines of `io/result`, and `WINSLOW_RESULT: key=value` lines of the log's end."""
    found: dict[str, object] = {}
    for name, value in (*_lines_of_log(directory), *_lines_of_file(directory)):
        if len(found) < MOST_VALUES or name in found:
            found[name] = typed(value)
    return found


def _lines_of_file(directory: Path) -> Iterator[tuple[str, str]]:
    for line in _bounded(directory, "io/result", MOST).split("\n"):
        name, separator, value = line.partition("=")
        if separator and _NAME.fullmatch(name.strip()):
            yield name.strip(), value.strip()


def _lines_of_log(directory: Path) -> Iterator[tuple[str, str]]:
    for line in log_file.tail(directory / "log", 1000):
        if match := _SAID.fullmatch(line.text.strip()):
            yield match[1], match[2].strip()


def typed(text: str) -> object:
    """Numbers and booleans as such, all else as clean text of at most 4 KiB; of a list, for `for_each`, 32 KiB."""
    if text in ("true", "false"):
        return text == "true"
    number = _number(text)
    if number is not None:
        return int(text) if _WHOLE.fullmatch(text) else number
    most = LONGEST_LIST if text.startswith("[") else LONGEST_VALUE
    return log_file.clean(text[:most]).encode()[:most].decode(errors="ignore")


def _number(text: str) -> float | None:
    """Only what everybody would call a number: Python's own `1_000` is a name to others."""
    number = float(text) if len(text) <= 40 and _NUMBER.fullmatch(text) else math.nan
    return number if math.isfinite(number) else None


def metrics(content: bytes) -> dict[str, float]:
    """Finite numbers of a JSON object; names inside objects are joined by dots. Nothing of what is none."""
    try:
        return _metrics(content)
    except _NoMetrics:
        return {}


def metrics_problem(content: bytes) -> str:
    """Why nothing can be taken from it, or an empty text."""
    try:
        return "" if _metrics(content) or not content.strip() else "it holds no finite number"
    except _NoMetrics as error:
        return str(error)


class _NoMetrics(Exception):
    """The text says why."""


def _metrics(content: bytes) -> dict[str, float]:
    if len(content) >= MOST:
        raise _NoMetrics(f"it is larger than {MOST} bytes")
    try:
        found = json.loads(content.decode(errors="replace") or "{}")
    except (ValueError, RecursionError) as error:
        raise _NoMetrics(f"it is no JSON: {error}") from None
    if not isinstance(found, dict):
        raise _NoMetrics(f"it holds no JSON object, but a {type(found).__name__}")
    return dict(islice(_flat(found, ""), MOST_METRICS))


def _flat(content: Mapping[str, object], prefix: str, depth: int = 0) -> Iterator[tuple[str, float]]:
    for key, value in content.items():
        name = f"{prefix}{log_file.clean(key)[:64]}"
        if isinstance(value, dict) and depth < DEEPEST:
            yield from _flat(value, f"{name}.", depth + 1)
        elif isinstance(value, int | float) and not isinstance(value, bool) and _finite(value):
            yield name, value


def _finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number beyond every float
        return False


def _bounded(folder: Path, path: str, most: int) -> str:
    """The beginning of a regular file below a folder; nothing, where a link or anything odd is on the way."""
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or ".." in parts or "\0" in path:
        return ""
    try:
        return _read(folder, parts, most).decode(errors="replace")
    except OSError:
        return ""


def _read(folder: Path, parts: tuple[str, ...], most: int) -> bytes:
    here = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in parts[:-1]:
            below = os.open(part, PLAIN | os.O_DIRECTORY, dir_fd=here)
            os.close(here)
            here = below
        file = os.open(parts[-1], PLAIN, dir_fd=here)
    finally:
        os.close(here)
    with open(file, "rb") as stream:
        return stream.read(most) if stat.S_ISREG(os.fstat(file).st_mode) else b""
