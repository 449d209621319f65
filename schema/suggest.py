"""The known name that a misspelt one most likely means."""

from collections.abc import Iterable
from difflib import get_close_matches

_CUTOFF = 0.6
_LONGEST = 64
_MOST = 1000


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name nearest to `name`, letter case aside; None if none is near (or there is too much to compare)."""
    by_lower = {candidate.lower(): candidate for candidate in known}
    if len(name) > _LONGEST or len(by_lower) > _MOST:
        return None
    found = get_close_matches(name.lower(), by_lower, n=1, cutoff=_CUTOFF)
    return by_lower[found[0]] if found else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """` (did you mean 'x'?)`, or nothing: made to be put behind a message."""
    guess = nearest(name, known)
    return f" (did you mean '{guess}'?)" if guess is not None else ""
