"""Lists of values as people type them: `threshold=0.2:0.8:0.1`, `detector=a,b`. ValueError says what is wanted."""

from typing import Any

MOST = 1000
LONGEST = 300
"""Characters of a number; what is longer is a text."""


def listed(item: str) -> tuple[str, list[Any]]:
    """A name and its values; a range includes its end."""
    name, separator, text = item.partition("=")
    if not separator or not name.strip() or not text.strip():
        raise ValueError(f"NAME=A,B,C or NAME=FROM:TO:STEP is wanted, not {item[:60]!r}")
    found: list[Any] = []
    for piece in text.split(","):
        found += _values(name.strip(), piece.strip())
        if len(found) > MOST:
            raise ValueError(f"{name.strip()} has more than {MOST} values")
    return name.strip(), found


def _values(name: str, piece: str) -> list[Any]:
    parts = piece.split(":")
    if len(parts) != 3:
        return [_typed(piece)]
    try:
        begin, end, step = (float(part) for part in parts)
    except ValueError:
        return [piece]  # a text with colons
    wanted = (end - begin) / step + 1 + 1e-9 if step else 0.0
    if not 1 <= wanted < MOST + 1:  # neither is what is no number
        raise ValueError(f"{name}={piece[:60]} has {'more than 1000' if wanted > MOST else 'no'} values")
    count = int(wanted)
    whole = all(_whole(part) for part in parts)
    digits = max(len(part.partition(".")[2]) for part in parts) if "e" not in piece.lower() else 12
    values = [round(begin + place * step, digits) for place in range(count)]
    return [int(value) for value in values] if whole else values


def _whole(text: str) -> bool:
    return text.lstrip("+-").isdecimal()


def _typed(text: str) -> Any:
    """Numbers and truth values as such; the node gives each the type of its input."""
    if text in ("true", "false"):
        return text == "true"
    if len(text) > LONGEST:
        return text
    if _whole(text):
        return int(text)
    try:
        return float(text) if any(sign.isdigit() for sign in text) and "_" not in text else text
    except ValueError:
        return text
