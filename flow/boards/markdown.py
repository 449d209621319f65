"""Text of others inside Markdown: whatever it holds, it shows as what it is and makes no element."""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

_SPACE = re.compile(r"[\x00-\x20\x7f-\xa0\u2028\u2029]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_HIDDEN = re.compile(
    r"[\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0e\ufeff\ud800-\udfff\U000e0000-\U000e01ef]"
)
_MEANT = re.compile(r"([\\`*_\[\]<>|~$!#@^{}%&]|:(?=[\w+-]*[a-z+-][\w+-]*:))", re.IGNORECASE)  # also what GitLab reads
_LINK = re.compile(r"(?i)(:)(?=//)|(?<=www)(\.)|(?<=mailto)(:)")
_FENCE = re.compile(r"~+")
LONGEST = 300
MOST = 100
"""Rows of a table, and ROOM bytes: what is left out is counted."""
ROOM = 24 * 1024


@lru_cache(8192)
def _text(content: str, longest: int) -> str:
    line = _HIDDEN.sub("", _SPACE.sub(" ", content[: 4 * longest])).strip()
    line = line if len(line) <= longest else f"{line[: longest - 1]}…"
    escaped = _MEANT.sub(r"\\\1", line)
    return _LINK.sub(lambda found: "&#58;" if ":" in found[0] else "&#46;", escaped)


def text(content: object, longest: int = LONGEST) -> str:
    """One line, escaped, cut where it is longer."""
    return _text(str(content), longest)


def code(content: object, longest: int = 80) -> str:
    """Escaped as well: a pipe or a backtick inside a code span would end it or its cell."""
    return f"<code>{text(content, longest)}</code>"


def link(label: str, target: str) -> str:
    """`label` is Markdown already; `target` a path of this repository."""
    return f"[{label}]({target})"


def block(lines: Sequence[str], language: str = "") -> list[str]:
    """Lines as they are, behind a fence that none of them can end. They hold no line breaks."""
    longest = max((len(run) for line in lines for run in _FENCE.findall(line)), default=0)
    fence = "~" * max(3, longest + 1)
    return [f"{fence}{language}", *(_HIDDEN.sub("", _CONTROL.sub(" ", line)) for line in lines),
            fence, ""]  # fmt: skip


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], total: int = 0, most: int = MOST) -> list[str]:
    """Cells are Markdown already. At most so many rows, and as many bytes as there is room for; the rest of `total` is
    counted below. Nothing at all without rows.
    """
    lines: list[str] = []
    room = ROOM
    for cells in rows:
        line = f"| {' | '.join(cells)} |"
        room -= len(line.encode())
        if len(lines) == most or room < 0:
            break
        lines.append(line)
    if not lines:
        return []
    left = [f"… and {total - len(lines)} more.", ""] if total > len(lines) else []
    return [f"| {' | '.join(heads)} |", "|" + " --- |" * len(heads), *lines, "", *left]
