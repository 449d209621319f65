"""Where files are, as people write it: `pool:videos/a.mp4`, `crossing:notes.txt`, `crossing/3/report.html`."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cli import settings
from cli.errors import CommandError

if TYPE_CHECKING:
    from runner.shelf import Shelf

FORMS = "pool:PATH, PROJECT:PATH or PROJECT/N/PATH"


@dataclass(frozen=True, slots=True)
class Place:
    """`project` is empty for the pool; `execution` 0 for what belongs to no execution."""

    project: str
    execution: int
    path: str

    @property
    def shelf(self) -> "Shelf":
        """The folder on this machine."""
        from runner.shelf import Shelf

        if not self.project:
            return Shelf(pool())
        return Shelf(settings.data() / "projects" / self.project / "files")


def place(text: str) -> Place:
    head, colon, path = text.partition(":")
    if colon and "/" not in head:
        return Place("" if head == "pool" else settings.checked_name(head, "project"), 0, path)
    id, _, rest = text.partition("/")
    number, _, path = rest.partition("/")
    if not re.fullmatch(r"[0-9]{1,9}", number) or not int(number):
        raise CommandError(f"{text[:80]!r} names no place; write {FORMS}", 2)
    return Place(settings.checked_name(id, "project"), int(number), path)


def pool() -> Path:
    """This node's pool, as it said itself; else where it would be."""
    try:
        found = json.loads((settings.data() / "view.json").read_text()).get("pool")
    except (OSError, ValueError, AttributeError):
        found = None
    return Path(found) if isinstance(found, str) else settings.data() / "pool"
