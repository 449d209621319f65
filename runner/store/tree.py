"""Looking at what an execution left, or is writing: a tree of rows, and where their contents lie."""

import os
import re
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from runner.store.errors import NotFound
from runner.store.manifest import Row, RowKind, raw
from runner.store.upper import FOLDER
from schema.globs import BadGlob, compiled

PLAIN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
MOST_LINKS = 40
INSIDE = "/workspace/"
"""Where a stage in a container sees its workspace: a link to a place there stays inside."""
_WILD = re.compile(r"[*?\[]")


@dataclass(frozen=True, slots=True)
class Tree:
    """The files of one execution.

    `rows` go by path. `changing` says that the stage still writes: rows of files that it has touched have no digest
    yet, and a file can be gone, or another one, when it is opened.
    """

    rows: Mapping[str, Row]
    opener: Callable[[Row], BinaryIO]
    changing: bool = False

    def listing(self, folder: str = "") -> list[Row]:
        """What lies directly in a folder, in order. NotFound."""
        if folder:
            row = self.row(folder)
            if row.kind is not RowKind.DIRECTORY:
                raise NotFound(f"{folder!r} is no folder")
            folder = row.path
        return sorted(
            (row for row in self.rows.values() if row.path.rpartition("/")[0] == folder), key=lambda row: raw(row.path)
        )

    def files(self) -> Iterator[Row]:
        """Every file, with its size and, unless it is changing, its digest."""
        return (row for row in self.rows.values() if row.kind.content)

    def row(self, path: str) -> Row:
        """What a path means, links followed as long as they stay inside. NotFound."""
        if path.startswith("/"):
            raise NotFound(f"{path!r} leads out of the workspace")
        done, left, links = "", [part for part in path.split("/") if part not in ("", ".")][::-1], 0
        while left:
            name = left.pop()
            if name == "..":
                if not done:
                    raise NotFound(f"{path!r} leads out of the workspace")
                done = done.rpartition("/")[0]
                continue
            found = self.rows.get(f"{done}/{name}" if done else name)
            if found is None:
                raise NotFound(f"there is no {path!r}")
            if found.kind is RowKind.LINK:
                links += 1
                target = found.value.removeprefix(INSIDE)
                if links > MOST_LINKS or target.startswith("/"):
                    raise NotFound(f"{path!r} leads out of the workspace")
                if target != found.value:
                    done = ""
                left += [part for part in target.split("/") if part not in ("", ".")][::-1]
            elif left and found.kind is not RowKind.DIRECTORY:
                raise NotFound(f"{found.path!r} is no folder")
            else:
                done = found.path
        return self.rows[done] if done else Row("", RowKind.DIRECTORY)

    def open(self, path: str) -> BinaryIO:
        """A regular file, to read and to seek in. NotFound, MissingObject."""
        row = self.row(path)
        if not row.kind.content:
            raise NotFound(f"{path!r} is no file")
        return self.opener(row)

    def read(self, path: str, most: int) -> bytes:
        """The beginning of a file. NotFound, MissingObject."""
        with self.open(path) as file:
            return file.read(most)

    def matching(self, pattern: str) -> list[Row]:
        """Files that a pattern names (`schema.globs`), and all below folders that it names. BadGlob.

        A link counts as the file it leads to, inside the workspace; a path without wildcards may go through links, and
        end at one that leads to a folder.
        """
        if pattern.startswith("/") or ".." in pattern.split("/"):
            return []
        fits = compiled(pattern).fullmatch
        named = {path: row for path, row in self.rows.items() if fits(path)}
        folders = {path for path, row in named.items() if row.kind is RowKind.DIRECTORY}
        found = {row.path: row for row in self.files() if row.path in named or (folders and _below(row.path, folders))}
        links = [path for path, row in named.items() if row.kind is RowKind.LINK]
        found |= {path: row for path in links for row in self._led_to(path)}
        if not found and not _WILD.search(pattern):
            found = {row.path: row for row in self._through_links(pattern)}
        return sorted(found.values(), key=lambda row: raw(row.path))

    def why_none(self, pattern: str) -> str:
        """Why a pattern names no file although something of that name is there; nothing where nothing is."""
        try:
            fits = compiled(pattern).fullmatch
        except BadGlob:
            return ""
        row = next((row for path, row in self.rows.items() if fits(path)), None)
        if row is None:
            return ""
        if row.kind is RowKind.DIRECTORY:
            return "a folder without files"
        try:
            self.row(row.path)
        except NotFound as error:
            out = "leads out" in str(error)
            return f"a link to {row.value!r}, which " + ("leads out of the workspace" if out else "is not there")
        return "a link to a folder without files"

    def _led_to(self, path: str) -> list[Row]:
        """The file that a path means, under that path."""
        try:
            row = self.row(path)
        except NotFound:
            return []
        return [row._replace(path=path)] if row.kind.content else []

    def _through_links(self, path: str) -> list[Row]:
        """The file that a path means, or those below the folder it means, under that path."""
        plain = "/".join(part for part in path.split("/") if part not in ("", "."))
        try:
            top = self.row(plain)
        except NotFound:
            return []
        if top.kind.content:
            return [top._replace(path=plain)]
        prefix = f"{top.path}/" if top.path else ""
        below = [row for row in self.files() if row.path.startswith(prefix)] if plain else []
        return [row._replace(path=f"{plain}/{row.path.removeprefix(prefix)}") for row in below]


def _below(path: str, folders: set[str]) -> bool:
    while path := path.rpartition("/")[0]:
        if path in folders:
            return True
    return False


def open_beneath(root: Path, path: str) -> BinaryIO:
    """A regular file below a folder that somebody hostile may be changing: no link is followed. NotFound."""
    *folders, name = raw(path).split(b"/")
    try:
        here = os.open(root, FOLDER)
        try:
            for folder in folders:
                below = os.open(folder, FOLDER, dir_fd=here)
                os.close(here)
                here = below
            file = os.open(name, PLAIN, dir_fd=here)
        finally:
            os.close(here)
    except OSError as error:
        raise NotFound(f"{path!r} is gone: {error.strerror}") from None
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise NotFound(f"{path!r} is no regular file")
    return os.fdopen(file, "rb")


def export(tree: Tree, target: Path, folder: str = "") -> int:
    """Copies of the files below a folder, to look at: links are left out, nothing is overwritten. How many."""
    top = tree.row(folder)
    prefix = f"{top.path}/" if top.path else ""
    count = 0
    for row in list(tree.files()):
        if row.path.startswith(prefix):
            place = target / os.fsdecode(raw(row.path.removeprefix(prefix)))
            place.parent.mkdir(parents=True, exist_ok=True)
            with tree.opener(row) as source, place.open("xb") as copy:
                while piece := source.read(1 << 20):
                    copy.write(piece)
            if row.kind is RowKind.PROGRAM:
                place.chmod(0o755)
            count += 1
    return count
