"""Files as the page has them: the pool, a project's own, and what executions left or are writing."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

from peer.client.executions import FarNode, peers_of
from runner.files.shared_folder import Shelf
from runner.store.errors import NotFound, StoreError
from runner.store.manifest import Row, RowKind
from runner.store.tree import Tree
from runner.store.workspaces import Workspaces
from schema.names import NAME
from webui.source.view_source import NODE_VIEW, Look


@dataclass(frozen=True, slots=True)
class FileRoot:
    """`project` is empty for the pool; `execution` 0 for what belongs to no execution."""

    project: str = ""
    execution: int = 0

    @property
    def url(self) -> str:
        """Of its page; a file's path comes after it."""
        if not self.project:
            return "/files"
        return f"/projects/{self.project}/{f'{self.execution}/' if self.execution else ''}files"

    @property
    def raw(self) -> str:
        """Of its contents."""
        if not self.project:
            return "/raw/pool"
        return f"/raw/executions/{self.project}/{self.execution}" if self.execution else f"/raw/projects/{self.project}"

    @property
    def name(self) -> str:
        """As the command writes it, before a path."""
        if not self.project:
            return "pool:"
        return f"{self.project}/{self.execution}/" if self.execution else f"{self.project}:"


@dataclass(frozen=True, slots=True)
class FileEntry:
    """A file or folder in a listing. `modified` is seconds since 1970, 0 where nobody knows."""

    path: str
    bytes: int = 0
    folder: bool = False
    modified: float = 0.0
    digest: str = ""
    link: str = ""

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]


def parsed(text: str) -> tuple[FileRoot, str] | None:
    """`pool:a/b`, `crossing:a`, `crossing/3/a`; None for what is none of these."""
    head, colon, path = text.partition(":")
    if colon and "/" not in head:
        good = head == "pool" or re.fullmatch(NAME, head)
        return (FileRoot("" if head == "pool" else head), path) if good else None
    id, _, rest = text.partition("/")
    number, _, path = rest.partition("/")
    if not re.fullmatch(NAME, id) or not re.fullmatch(r"[1-9][0-9]{0,8}", number):
        return None
    return FileRoot(id, int(number)), path


def shelf(data: Path, place: FileRoot) -> Shelf:
    """The folder on this machine."""
    if place.project:
        return Shelf(data / "projects" / place.project / "files", f"the files of {place.project}")
    return Shelf(pool(data), "the pool")


def pool(data: Path) -> Path:
    """This node's pool, as it said itself."""
    try:
        found = json.loads((data / NODE_VIEW).read_text()).get("pool")
    except (OSError, ValueError, AttributeError):
        found = None
    return Path(found) if isinstance(found, str) else data / "pool"


def tree(data: Path, look: Look, place: FileRoot) -> Tree:
    """The files of an execution, of this machine or of the node that ran it. NotFound, PeerAway."""
    try:
        return Workspaces(data).look(place.project, place.execution)
    except StoreError as error:
        here = error
    view = look.snapshot.projects.get(place.project)
    record = view.execution(place.execution) if view else None
    if record is None:
        raise NotFound(f"there is no execution {place.execution} of {place.project}")
    peers = peers_of(data, look.snapshot.inventories)
    remote = FarNode(peers, record.claim.node) if peers else None
    if remote is None or not remote.reachable:
        raise NotFound(f"{here}; {record.claim.node} ran it, and cannot be asked from here")
    return remote.rows(place.project, place.execution)


def listing(data: Path, look: Look, place: FileRoot, path: str) -> list[FileEntry]:
    """What lies directly in a folder, folders first. ShelfError, StoreError."""
    if place.execution:
        found = [_entry(row) for row in tree(data, look, place).listing(path)]
    else:
        files = shelf(data, place)
        found = [
            FileEntry(item.path, item.bytes, item.folder, files.place(item.path).stat().st_mtime)
            for item in (files.items(path) if files.root.is_dir() or path else ())
        ]
    return sorted(found, key=lambda entry: (not entry.folder, entry.name.lower()))


def _entry(row: Row) -> FileEntry:
    if row.kind is RowKind.LINK:
        return FileEntry(row.path, link=row.value)
    return FileEntry(row.path, row.size, row.kind is RowKind.DIRECTORY, digest=row.value)
