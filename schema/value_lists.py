"""Lists of values as people type them: `threshold=0.2:0.8:0.1`, `detector=a,b`. ValueError says what is wanted."""

from typing import Any

MOST = 1000


def listed(item: str) -> tuple[str, list[Any]]:
    """A name and its values; a range includes its end."""
    name, separator, text = item.partition("=")
    if not separator or not name.strip() or not text.strip():
        raise ValueError(f"NAME=A,B,C or NAME=FROM:TO:STEP is wanted, not {item[:60]!r}")
    return name.strip(), [part for piece in text.split(",") for part in _values(name.strip(), piece.strip())]


def _values(name: str, piece: str) -> list[Any]:
    parts = piece.split(":")
    if len(parts) != 3:
        return [_typed(piece)]
    try:
        begin, end, step = (float(part) for part in parts)
    except ValueError:
        return [piece]  # a text with colons
    count = int((end - begin) / step + 1 + 1e-9) if step else 0
    if count < 1 or count > MOST:
        raise ValueError(f"{name}={piece} has {'no' if count < 1 else 'more than 1000'} values")
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
    if _whole(text):
        return int(text)
    try:
        return float(text) if any(sign.isdigit() for sign in text) and "_" not in text else text
    except ValueError:
        return text
