"""How values are shown: times, durations, sizes, states. No markup is made here."""

import math
import re
import time
from datetime import UTC, datetime

from flask import Flask

from flow.status.states import state_class
from schema import file_input
from schema.quantities import readable_size

WORDS = {"needs_input": "needs you", "new": "not started", "claimed": "starting", "preparing": "preparing"}
MARKS = {
    "succeeded": "✓", "failed": "✕", "running": "▸", "needs_input": "?", "waiting": "?", "paused": "‖", "queued": "…",
    "aborted": "■", "lost": "!", "stale": "~", "skipped": "–", "invalid": "!", "pending": "·", "new": "·",
    "claimed": "…", "preparing": "…", "superseded": "–",
}  # fmt: skip


def add_to(site: Flask) -> None:
    site.jinja_env.filters.update(
        ago=ago,
        duration=duration,
        bytes=size,
        word=word,
        mark=mark,
        day=day,
        since=since,
        cls=state_class,
        clock=clock,
        plain=plain,
        iso=iso,
        roughly=roughly,
        figure=figure,
        brief=brief,
    )
    site.jinja_env.trim_blocks = site.jinja_env.lstrip_blocks = True


def plain(value: object) -> object:
    """A value of an input or a metric as the pipeline writes it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.6g}"
    return file_input.plain(value)


def iso(seconds: float) -> str:
    """Seconds since 1970 for a `datetime` attribute."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def word(state: str) -> str:
    return WORDS.get(str(state), str(state))


def mark(state: str) -> str:
    """So that a state is not told by its colour alone."""
    return MARKS.get(str(state), "·")


def moment(text: str | None) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if text else None
    except ValueError:
        return None


def clock(text: str | None) -> str:
    """The exact time, for hovering over."""
    found = moment(text)
    return found.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC") if found else ""


def since(seconds: float) -> str:
    """Of a time in seconds since 1970."""
    return f"{roughly(time.time() - seconds)} ago"


def day(seconds: float) -> str:
    """Of a commit's own time, seconds since 1970."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def ago(text: str | None) -> str:
    found = moment(text)
    return f"{roughly(time.time() - found.timestamp())} ago" if found else ""


def duration(seconds: float | None) -> str:
    """Two units at most: `3 h 12 min`."""
    if seconds is None:
        return ""
    parts: list[str] = []
    left = max(0, int(seconds))
    for length, unit in ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        count, left = divmod(left, length)
        if count or (unit == "s" and not parts):
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2])


def roughly(seconds: float) -> str:
    """Of a guess, or of what grows older while somebody looks: seconds only below a minute, minutes below a day."""
    if seconds < 60:
        return duration(seconds)
    return duration(seconds - seconds % (3600 if seconds >= 86_400 else 60))


def size(count: float | None) -> str:
    return "" if count is None else readable_size(count)


def figure(value: float) -> str:
    """As people write numbers: four digits that count, and thousands apart (11 980)."""
    if not math.isfinite(value) or abs(value) >= 1e15:
        return f"{value:.4g}"
    if float(value).is_integer() or abs(value) >= 1000:
        return f"{round(value):,}".replace(",", "\u202f")
    return f"{value:.4g}"


def brief(value: object) -> str:
    """As `plain`, with short digests and numbers as people write them: for a table."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return figure(value)
    return re.sub(r"\b(blake3|sha256|sha1):([0-9a-f]{12})[0-9a-f]{4,}", r"\1:\2…", str(plain(value)))
