"""Where files are, as people write it: `pool:videos/a.mp4`, `crossing:notes.txt`, `crossing/3/report.html`."""

import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli import settings
from cli.errors import CommandError

if TYPE_CHECKING:
    from peer.client.files import FarShelf
    from runner.files.shared_folder import Shelf

FORMS = "pool:PATH, PROJECT:PATH or PROJECT/N/PATH"
NODE = Annotated[str, typer.Option("--node", metavar="NAME", help="of that node, not of this machine")]


@dataclass(frozen=True, slots=True)
class FileAddress:
    """`project` is empty for the pool; `execution` 0 for what belongs to no execution; `node` for this machine."""

    project: str
    execution: int
    path: str
    node: str = ""

    @property
    def name(self) -> str:
        """As people write it, before a path."""
        if self.execution:
            return f"{self.project}/{self.execution}/"
        return f"{self.project or 'pool'}:"

    @property
    def shelf(self) -> "Shelf | FarShelf":
        """The folder on this machine, or on that node. CommandError."""
        from cli import remote
        from runner.files.shared_folder import Shelf

        if self.node:
            return remote.shelf(self.node, self.name)
        if not self.project:
            return Shelf(pool())
        return Shelf(settings.data() / "projects" / self.project / "files")


def place(text: str, node: str = "") -> FileAddress:
    """`node` of what belongs to no execution; the record of an execution says where it is. CommandError."""
    found = _parsed(text)
    if node and found.execution:
        raise CommandError(f"{text[:80]!r} is of an execution: it is found wherever it is, leave --node away", 2)
    known = node and node == own_view().get("node")
    return replace(found, node="" if known else node)


def _parsed(text: str) -> FileAddress:
    head, colon, path = text.partition(":")
    if colon and "/" not in head:
        return FileAddress("" if head == "pool" else settings.checked_name(head, "project"), 0, path)
    id, _, rest = text.partition("/")
    number, _, path = rest.partition("/")
    if not re.fullmatch(r"[0-9]{1,9}", number) or not int(number):
        raise CommandError(f"{text[:80]!r} names no place; write {FORMS}", 2)
    return FileAddress(settings.checked_name(id, "project"), int(number), path)


def pool() -> Path:
    """This node's pool, as it said itself; else where it would be."""
    found = own_view().get("pool")
    return Path(found) if isinstance(found, str) else settings.data() / "pool"


def own_name() -> str:
    """The node of this machine."""
    return str(own_view().get("node") or "here")


def own_view() -> dict[str, object]:
    """What this machine's node says of itself; nothing where there is none."""
    try:
        found = json.loads((settings.data() / "view.json").read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
