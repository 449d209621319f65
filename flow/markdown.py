"""Text of others inside Markdown: whatever it holds, it shows as what it is and makes no element."""

import re
from collections.abc import Iterable, Sequence

_SPACE = re.compile(r"[\x00-\x20\x7f-\xa0\u2028\u2029]+")
_HIDDEN = re.compile(r"[\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_MEANT = re.compile(r"([\\`*_\[\]<>|~$!#@^{}])")
_LINK = re.compile(r"(?i)(:)(?=//)|(?<=www)(\.)|(?<=mailto)(:)")
LONGEST = 300


def text(content: object, longest: int = LONGEST) -> str:
    """One line, escaped, cut where it is longer."""
    line = _HIDDEN.sub("", _SPACE.sub(" ", str(content))).strip()
    line = line if len(line) <= longest else f"{line[: longest - 1]}…"
    escaped = _MEANT.sub(r"\\\1", line.replace("&", "&amp;"))
    return _LINK.sub(lambda found: "&#58;" if ":" in found[0] else "&#46;", escaped)


def code(content: object, longest: int = 80) -> str:
    """Escaped as well: a pipe or a backtick inside a code span would end it or its cell."""
    return f"<code>{text(content, longest)}</code>"


def link(label: str, target: str) -> str:
    """`label` is Markdown already; `target` a path of this repository."""
    return f"[{label}]({target})"


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Cells are Markdown already. Nothing at all without rows."""
    lines = [f"| {' | '.join(cells)} |" for cells in rows]
    return [f"| {' | '.join(heads)} |", "|" + " --- |" * len(heads), *lines, ""] if lines else []
