"""The commands of the documentation: blocks of shell, each with a mark that says how it is tested.

- `run`: typed at the desk, in order; `fails`: the same, and has to fail
- `background NAME`: a node, in a terminal of that name, where it goes on running; the former one there gets Ctrl-C
- `tested by PATH`: that file runs the same text
- `not run: WHY`
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
    ROOT / "example-state-repo" / "README.md",
    ROOT / "cli" / "template" / "README.md",
]
KINDS = ("run", "fails", "background", "tested by", "not run:")
_BLOCK = re.compile(r"^(?:<!-- ([^\n]*?) -->\n)?```(?:sh|console|bash)\n(.*?)^```", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Block:
    page: Path
    line: int
    mark: str
    text: str

    @property
    def kind(self) -> str:
        return next((kind for kind in KINDS if self.mark.startswith(kind)), "")

    @property
    def argument(self) -> str:
        return self.mark.removeprefix(self.kind).strip()

    @property
    def last(self) -> str:
        return self.text.strip().splitlines()[-1]

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks(page: Path) -> Iterator[Block]:
    text = page.read_text()
    for match in _BLOCK.finditer(text):
        yield Block(page, text.count("\n", 0, match.start()) + 1, match[1] or "", match[2])
