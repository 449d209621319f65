"""What a program says by files: progress, result values, metrics. Bounded, and hostile until parsed."""

import json
import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from runner import logs

MOST = 64 * 1024
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_PERCENT = re.compile(r"(?<![0-9.])([0-9]{1,3}(?:\.[0-9]+)?) ?%")
_SAID = re.compile(r"WINSLOW_RESULT: *([A-Za-z_][A-Za-z0-9_]{0,63})=(.*)")
MOST_VALUES, MOST_METRICS, LONGEST_VALUE = 100, 200, 4096


def progress(directory: Path) -> float | None:
    """Percent from `io/progress`, else the last `NN%` that the log shows; None when neither says anything."""
    said = _number(_bounded(directory / "io" / "progress", 64).strip())
    if said is not None:
        return min(max(said, 0.0), 100.0)
    for line in reversed(logs.tail(directory / "log", 50, window=16 * 1024)):
        if found := _PERCENT.findall(line.text):
            return min(float(found[-1]), 100.0)
    return None


def results(directory: Path) -> dict[str, object]:
    """`key=value` lines of `io/result`, and `WINSLOW_RESULT: key=value` lines of the log's end."""
    found: dict[str, object] = {}
    for name, value in (*_lines_of_log(directory), *_lines_of_file(directory)):
        if len(found) < MOST_VALUES or name in found:
            found[name] = typed(value[:LONGEST_VALUE])
    return found


def _lines_of_file(directory: Path) -> Iterator[tuple[str, str]]:
    for line in _bounded(directory / "io" / "result", MOST).splitlines():
        name, separator, value = line.partition("=")
        if separator and _NAME.fullmatch(name.strip()):
            yield name.strip(), value.strip()


def _lines_of_log(directory: Path) -> Iterator[tuple[str, str]]:
    for line in logs.tail(directory / "log", 1000):
        if match := _SAID.fullmatch(line.text.strip()):
            yield match[1], match[2].strip()


def typed(text: str) -> object:
    """Numbers and booleans as such, all else as clean text."""
    if text in ("true", "false"):
        return text == "true"
    number = _number(text)
    if number is not None:
        return int(text) if re.fullmatch(r"-?[0-9]{1,18}", text) else number
    return logs.clean(text)


def _number(text: str) -> float | None:
    try:
        number = float(text) if 0 < len(text) <= 40 else None
    except ValueError:
        return None
    return number if number is not None and math.isfinite(number) else None


def metrics(workspace: Path, path: str) -> dict[str, float]:
    """Finite numbers of a JSON file in the workspace; names inside objects are joined by dots."""
    file = workspace / path
    root = workspace.resolve()
    if file.is_symlink() or root not in file.resolve().parents:
        return {}
    try:
        content = json.loads(_bounded(file, MOST) or "{}")
    except (ValueError, RecursionError):
        return {}
    return dict(_flat(content, "")) if isinstance(content, dict) else {}


def _flat(content: Mapping[str, object], prefix: str, depth: int = 0) -> Iterator[tuple[str, float]]:
    for count, (key, value) in enumerate(content.items()):
        name = f"{prefix}{logs.clean(str(key))[:64]}"
        if count >= MOST_METRICS or depth > 4:
            return
        if isinstance(value, dict):
            yield from _flat(value, f"{name}.", depth + 1)
        elif isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            yield name, float(value) if isinstance(value, float) else value


def _bounded(path: Path, most: int) -> str:
    """At most so many bytes of a regular file; a FIFO or a device left there is not opened."""
    try:
        if path.is_symlink() or not path.is_file():
            return ""
        with path.open("rb") as file:
            return file.read(most).decode(errors="replace")
    except OSError:
        return ""
