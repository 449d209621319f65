"""Hides secrets in what a program says: as they are, and in the forms in which they come up by accident.

A secret is known in its lines, in base64 at each of the three offsets within a longer text (also wrapped, also for
URLs), in URL form, as JSON and as hexadecimal digits. An encoding that was made to hide it from this is not found.
"""

import base64
import json
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

MASK = b"[MASKED]"
LEAST = 8
"""Bytes that a secret has at least: shorter ones come up in any text, and cannot be hidden."""
WRAPS = (64, 76)
"""Where tools break lines of base64."""
SPLIT = 3
"""From so many bytes on, what stands at a break within a line counts as the end or the beginning of a secret."""


def forms(value: bytes) -> frozenset[bytes]:
    """Every text that gives the secret away."""
    return frozenset(form for form in _forms(value) if len(form) >= LEAST)


def _forms(value: bytes) -> Iterator[bytes]:
    for part in {value, value.strip(), *map(bytes.strip, value.splitlines())}:
        yield part
        yield from _written(part)
    for text in (value, value + b"\n"):
        yield from _base64(text)


def _written(part: bytes) -> Iterator[bytes]:
    text = part.decode(errors="surrogateescape")
    for quoted in (quote(part, safe=""), quote(part), quote_plus(part)):
        yield quoted.encode()
        yield re.sub("%[0-9A-F]{2}", lambda found: found[0].lower(), quoted).encode()
    yield json.dumps(text)[1:-1].encode(errors="surrogateescape")
    yield json.dumps(text, ensure_ascii=False)[1:-1].encode(errors="surrogateescape")
    yield part.hex().encode()
    yield part.hex().upper().encode()


def _base64(value: bytes) -> Iterator[bytes]:
    """What of the encoded text depends on the secret alone, whatever stands before and after it."""
    for before, alien in ((0, 0), (1, 2), (2, 3)):
        whole = base64.b64encode(bytes(before) + value).rstrip(b"=")
        end = len(whole) - (1 if (before + len(value)) % 3 else 0)
        for text in (whole[alien:end], whole[alien:end].translate(bytes.maketrans(b"+/", b"-_"))):
            yield text
            yield from (text[at : at + wrap] for wrap in WRAPS for at in range(0, len(text), wrap) if not alien)


class Masker:
    """Of some secrets. Without any it changes nothing."""

    def __init__(self, values: Iterable[bytes]) -> None:
        known = sorted({form for value in values for form in forms(value)}, key=len, reverse=True)
        self._known = tuple(known)
        self._pattern = re.compile(b"|".join(map(re.escape, known))) if known else None
        self._numbers = {number for form in known if (number := _float(form.decode(errors="replace"))) is not None}

    def __bool__(self) -> bool:
        return self._pattern is not None

    def mask(self, text: bytes, *, continued: bool = False, whole: bool = True) -> bytes:
        """`continued` and not `whole` say that the line began before the text, and goes on behind it."""
        if self._pattern is None:
            return text
        if continued and not whole and self._inside(text):
            return MASK
        text = self._pattern.sub(MASK, text)
        if continued and (cut := self._overlap(text, head=True)):
            text = MASK + text[cut:]
        if not whole and (cut := self._overlap(text, head=False)):
            text = text[:-cut] + MASK
        return text

    def _inside(self, text: bytes) -> bool:
        """Whether it is a piece from the middle of a secret that is longer than the pieces of a line."""
        return len(text) >= SPLIT and any(text in form for form in self._known)

    def _overlap(self, text: bytes, *, head: bool) -> int:
        """How much of the text's beginning is the end of a secret, or of its end the beginning of one."""
        longest = 0
        for form in self._known:
            for size in range(min(len(form) - 1, len(text)), max(longest, SPLIT - 1), -1):
                if text.startswith(form[-size:]) if head else text.endswith(form[:size]):
                    longest = size
                    break
        return longest

    def text(self, text: str) -> str:
        return self.mask(text.encode(errors="surrogateescape")).decode(errors="surrogateescape") if self else text

    def plain(self, value: Any, *, numbers: bool = False) -> Any:
        """Of lists and mappings, keys too. `numbers` hides those that are written like a secret as well."""
        match value:
            case str():
                return self.text(value)
            case dict():
                return {self.plain(key): self.plain(each, numbers=numbers) for key, each in value.items()}
            case list() | tuple():
                return [self.plain(each, numbers=numbers) for each in value]
            case int() | float() if numbers and not isinstance(value, bool):
                return self._number(value)
            case _:
                return value

    def _number(self, value: float) -> Any:
        """A text is taken for a number where it can be one, and loses its zeros and its sign by that."""
        masked = self.text(text := repr(value))
        return MASK.decode() if _float(text) in self._numbers else value if masked == text else masked


def _float(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


NOTHING_SECRET = Masker(())


def of_run(directory: Path) -> Masker:
    """Of the secrets that a container was given."""
    try:
        names = sorted(path for path in (directory / "secrets").iterdir() if path.is_file())
    except OSError:
        return NOTHING_SECRET
    return _of_files(tuple((path, path.stat().st_mtime_ns) for path in names)) if names else NOTHING_SECRET


@lru_cache(64)
def _of_files(files: tuple[tuple[Path, int], ...]) -> Masker:
    return Masker(path.read_bytes() for path, _ in files)
