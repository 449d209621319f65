"""Patterns that name files of a workspace: `*` and `?` within a name, `**` through folders, `[abc]`."""

import re
import warnings
from functools import lru_cache
from typing import Annotated

from pydantic import AfterValidator

from schema.names import Inside

_PLACE = re.compile(r"\$\[\[.*?\]\]")


class BadGlob(ValueError):
    """A text that is no pattern; the message says what is wrong with it."""


@lru_cache(256)
def compiled(pattern: str) -> re.Pattern[str]:
    """To be matched with a whole path. BadGlob."""
    parts = [part for part in pattern.split("/") if part not in ("", ".")]
    text = ""
    for at, part in enumerate(parts):
        last = at == len(parts) - 1
        if part == "**":
            text += ".+" if last else "(?:.+/)?"
        else:
            text += _name(part) + ("" if last else "/")
    return _compile(pattern, text)


def _compile(pattern: str, text: str) -> re.Pattern[str]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # of what another Python may read into brackets
            return re.compile(f"(?s){text}")
    except (re.error, OverflowError, RecursionError) as error:
        why = error.msg if isinstance(error, re.error) else str(error)
        raise BadGlob(f"{pattern[:60]!r} is no pattern of files: {why}") from None


def _name(part: str) -> str:
    text, at = "", 0
    while at < len(part):
        sign, at = part[at], at + 1
        end = part.find("]", at + 1) if sign == "[" else -1
        if end > 0:
            inside = part[at:end].replace("\\", "\\\\").replace("[", "\\[").replace("&&", "&\\&").replace("~~", "~\\~")
            text += f"(?!/)[^{inside[1:]}]" if inside[0] == "!" else f"[{inside}]"
            at = end + 1
        else:
            text += {"*": "[^/]*", "?": "[^/]"}.get(sign, re.escape(sign))
    return text


def _glob(pattern: str) -> str:
    """Where places are still to be filled, as far as it can be known."""
    try:
        compiled(_PLACE.sub("x", pattern))
    except BadGlob as error:
        raise ValueError(str(error)) from None
    return pattern


Glob = Annotated[Inside, AfterValidator(_glob)]
"""A file of a workspace, or a pattern of such."""
