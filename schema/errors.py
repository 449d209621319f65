"""What can be wrong with a document.

    ValueError
    ├── SchemaError           a value that no document can hold
    │   └── DocumentError     a text that is no valid document; carries every Problem found in it
    └── Misplaced             raised while a model is checked: a mistake that stands deeper inside of it

A problem says where (`file:line:column`), what, and what to do. Texts taken from a file are escaped and cut, so a
problem is safe to print on a terminal and is always one line.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

LISTED = 20
"""So many problems are spelled out; the rest is counted."""

EXCERPT = 60
_LONGEST = 600


class SchemaError(ValueError):
    """A value that no document can hold."""


class Misplaced(ValueError):
    """A mistake that a check of a whole model found; `path` leads from that model to its place."""

    def __init__(self, text: str, *path: str | int) -> None:
        super().__init__(text)
        self.path = path


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake at one place; lines and columns count from 1."""

    file: str
    line: int
    column: int
    what: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "file", printable(self.file))
        object.__setattr__(self, "what", cut(printable(self.what), _LONGEST))

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.what}"


class DocumentError(SchemaError):
    """A text is no valid document. `str()` gives the problems, one a line."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__(self.problems)

    def __str__(self) -> str:
        lines = [str(problem) for problem in self.problems[:LISTED]]
        left = len(self.problems) - LISTED
        if left > 0:
            lines.append(f"… and {left} more")
        return "\n".join(lines)


def printable(text: str) -> str:
    """The text with everything that is not printable written as an escape."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"


def excerpt(value: Any) -> str:
    """The value as a message shows it: texts in quotes, at most 60 characters, containers by their kind."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            return f"'{cut(printable(value[: EXCERPT + 1]), EXCERPT - 2)}'"
        case list() | tuple():
            return "a list"
        case dict():
            return "a mapping"
        case _:
            return cut(printable(str(value)), EXCERPT)
