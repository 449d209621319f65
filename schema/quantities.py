"""Durations (`30s`, `3 days`, `1h 30m`) and sizes (`8GiB`, `500MB`) as people write them."""

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, ValidationInfo, WithJsonSchema

from schema.base import is_kept

_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_WORDS = {
    "millisecond": "ms", "sec": "s", "second": "s", "min": "m", "minute": "m",
    "hr": "h", "hour": "h", "day": "d", "week": "w",
}  # fmt: skip
_PART = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([a-zA-Z]+)\s*")
_BYTES = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12, "ki": 2**10, "mi": 2**20, "gi": 2**30, "ti": 2**40}
_SIZE = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([kmgtKMGT]?i?)[bB]?\s*")
_LONGEST = 10 * 366 * 86400.0


def parse_duration(value: Any) -> float:
    """Seconds. A bare number is seconds; text is numbers with units, added up. ValueError otherwise."""
    if isinstance(value, bool):
        raise ValueError("a duration is wanted, like 30s, 2h or '3 days'")
    seconds = float(value) if isinstance(value, int | float) else sum(_parts(str(value)))
    if not 0 <= seconds <= _LONGEST:
        raise ValueError("a duration lies between 0 and ten years")
    return seconds


def _parts(text: str) -> list[float]:
    parts, at = [], 0
    while at < len(text):
        match = _PART.match(text, at)
        unit = _unit(match[2]) if match else None
        if not match or unit is None:
            raise ValueError(f"{text[:40]!r} is not a duration; write 30s, 10m, 2h, '3 days' or '1h 30m'")
        parts.append(float(match[1]) * _SECONDS[unit])
        at = match.end()
    if not parts:
        raise ValueError("an empty text is not a duration; write 30s, 10m, 2h or '3 days'")
    return parts


def _unit(word: str) -> str | None:
    lower = word.lower()
    if lower in _SECONDS:
        return lower
    return _WORDS.get(lower) or _WORDS.get(lower.removesuffix("s"))


def format_duration(seconds: float) -> str:
    """The shortest exact text that `parse_duration` reads back, at millisecond resolution."""
    if seconds <= 0:
        return "0s"
    left, parts = round(seconds * 1000), []
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count}{unit}")
    return " ".join(parts) or "0s"


def parse_size(value: Any) -> int:
    """Bytes. `8GiB` is binary, `8GB` decimal, a bare number is bytes. ValueError otherwise."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    match = _SIZE.fullmatch(str(value))
    if not match or match[2].lower() not in _BYTES:
        raise ValueError(f"{str(value)[:40]!r} is not a size; write 512MiB, 8GiB or 2TB")
    return int(float(match[1]) * _BYTES[match[2].lower()])


def format_size(size: int) -> str:
    """Binary units where they are exact, else plain bytes."""
    for unit in ("TiB", "GiB", "MiB", "KiB"):
        count, rest = divmod(size, _BYTES[unit[:2].lower()])
        if count and not rest:
            return f"{count}{unit}"
    return str(size)


def readable_size(count: float) -> str:
    """For people: `21.0 GiB`, three digits at least."""
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if count < 1024 or unit == "TiB":
            break
        count /= 1024
    return f"{count:.0f} {unit}" if unit == "B" or count >= 100 else f"{count:.1f} {unit}"


def _any_case(word: str) -> str:
    return "".join(f"[{letter}{letter.upper()}]" for letter in word)


_NUMBER = r"[0-9]+(?:\.[0-9]+)?"
_UNITS = "|".join([*map(_any_case, _SECONDS), *(f"{_any_case(word)}[sS]?" for word in _WORDS)])


def _duration_schema(least: dict[str, float], some: str = "") -> dict[str, Any]:
    text = {
        "type": "string",
        "pattern": rf"^{some}(?:\s*{_NUMBER}\s*(?:{_UNITS})\s*)+$",
        "patternErrorMessage": "a duration is wanted, like 30s, 2h or '3 days'",
    }
    return {"anyOf": [text, {"type": "number", **least, "maximum": _LONGEST}]}


_ANY_TIME = WithJsonSchema(_duration_schema({"minimum": 0}), mode="validation")
_SOME_TIME = WithJsonSchema(_duration_schema({"exclusiveMinimum": 0}, "(?=.*[1-9])"), mode="validation")


def _size_schema(least: int, some: str = "") -> dict[str, Any]:
    text = {
        "type": "string",
        "pattern": rf"^{some}\s*{_NUMBER}\s*(?:[kmgtKMGT]i?)?[bB]?\s*$",
        "patternErrorMessage": "a size is wanted, like 512MiB, 8GiB or 2TB",
    }
    return {"anyOf": [text, {"type": "integer", "minimum": least}]}


def _limit(seconds: float, info: ValidationInfo) -> float:
    if seconds < 0.001 and not is_kept(info):
        raise ValueError("it would be ended at once; leave it out for no limit")
    return seconds


_DurationText = PlainSerializer(format_duration, return_type=str)
_READ_DURATION = BeforeValidator(parse_duration, json_schema_input_type=str | float)

Duration = Annotated[
    float, _READ_DURATION, _DurationText, _ANY_TIME,
]  # fmt: skip
Limit = Annotated[Duration, AfterValidator(_limit), _SOME_TIME]
"""How long something may last at most: more than 0."""
Span = Annotated[Duration, Field(gt=0), _SOME_TIME]
"""A time that has to pass: more than 0."""
Size = Annotated[
    int,
    Field(ge=0),
    BeforeValidator(parse_size, json_schema_input_type=str | int),
    PlainSerializer(format_size, return_type=str),
    WithJsonSchema(_size_schema(0), mode="validation"),
]
SomeSize = Annotated[Size, Field(gt=0), WithJsonSchema(_size_schema(1, "(?=.*[1-9])"), mode="validation")]
"""Of which there has to be some: more than 0."""
