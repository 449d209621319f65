"""The name in the pool that a misspelt path most likely means."""

import os
import unicodedata
from itertools import islice
from pathlib import Path

from schema.suggest import nearest

MOST = 1000
"""So many names of a folder are compared."""


def hint(pool: Path, path: str) -> str:
    """` (did you mean 'x'?)` for the first part of the path that is not there or leads nowhere, or nothing."""
    here, before = pool, ""
    for part in path.split("/"):
        if not (here / part).exists():
            return _hint(_names(here), part, before)
        here, before = here / part, f"{before}{part}/"
    return ""


def _names(folder: Path) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return [each.name for each in islice(entries, MOST)]
    except OSError:
        return []


def _hint(names: list[str], wanted: str, before: str) -> str:
    if wanted in names:
        return f" ({before + wanted!r} is a link that leads to no file)"
    alike = next((name for name in names if _form(name) == _form(wanted)), None)
    if alike is not None:
        return f" (there is {before + alike!r}: the same letters in another Unicode form, as a Mac writes them)"
    guess = nearest(wanted, names)
    return f" (did you mean {before + guess!r}?)" if guess else ""


def _form(name: str) -> str:
    return unicodedata.normalize("NFC", name)
