"""A look into a file: pictures, video, reports, tables of any size, Markdown and text."""

import io
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

from flask import abort, g, request
from markupsafe import Markup

from runner.files.shared_folder import ShelfError
from runner.store.errors import StoreError
from webui.files.downloads import DOCUMENTS, REPORTS, SHOWN
from webui.files.places import FileEntry, FileRoot, shelf, tree
from webui.pages.common import look, page
from webui.sheets.selection import SheetQuestion
from webui.sheets.sheet import SEARCHES, Sheet, SheetWindow
from webui.views.exhibits import Exhibit
from webui.views.prose import prose
from webui.views.tables import Table, TableLine

LOOKED_AT = 256 * 1024
"""Bytes of a text that are shown."""
FIRST = 10
"""Rows of a table that are shown among others."""
SEEN = 16 * 1024
"""Bytes of a text that are shown among others."""
GLANCES, LEAST_GLANCE = 2.0, 0.1
"""Seconds for all charts of one page together, and for one of them where the others have used these up."""
MOST_LINES = 8
TABLES = frozenset({".csv", ".tsv"})
PROSE = frozenset({".md", ".markdown"})
MOST_ROW = 1 << 40


@dataclass(frozen=True, slots=True)
class Preview:
    """`kind`: image, video, report, document, table, prose, text, or nothing where there is nothing to look at."""

    kind: str = ""
    text: str | Markup = ""
    cut: bool = False
    window: SheetWindow | None = None
    question: SheetQuestion | None = None
    drawn: Table | None = None
    note: str = ""


def preview(place: FileRoot, entry: FileEntry) -> Preview:
    suffix = Path(entry.name.lower()).suffix
    if suffix in REPORTS and place.execution:
        return Preview("report")
    if suffix in DOCUMENTS:
        return Preview("document")
    if suffix in SHOWN:
        return Preview(SHOWN[suffix].partition("/")[0])
    if suffix in TABLES:
        return _of_table(place, entry.path)
    content = beginning(place, entry.path)
    if b"\0" in content[:8192]:
        return Preview()
    text, cut = content[:LOOKED_AT].decode("utf-8-sig", errors="replace"), len(content) > LOOKED_AT
    if suffix in PROSE:
        folder = entry.path.rpartition("/")[0]
        return Preview("prose", prose(text, quote(f"{place.raw}/{folder}".rstrip("/"))), cut)
    if suffix == ".json" and not cut:
        text = _indented(text) or text
    return Preview("text", text, cut)


def _of_table(place: FileRoot, path: str) -> Preview:
    with _opened(place, path) as file:
        sheet, note = _sheet(place, path, file)
        if sheet is None:
            return Preview(note=note)
        question = asked(sheet)
        window = sheet.window(file, request.args.get("at", 0, type=_row), question)
        return Preview("table", window=window, question=question, drawn=_drawn(sheet, file, path), note=note)


def rows(place: FileRoot, path: str) -> dict[str, object]:
    """A window of a table for a script. 404 where there is no such table."""
    with _opened(place, path) as file:
        sheet, _ = _sheet(place, path, file)
        if sheet is None:
            abort(404, "This is no table")
        found = sheet.window(file, request.args.get("rows", 0, type=_row), asked(sheet))
    return {
        "first": found.first, "total": found.total, "whole": found.whole, "note": found.note,
        "rows": [[number, *cells] for number, cells in found.rows],
    }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Glance:
    """What is seen of an exhibit without opening it: the first rows of a table, a chart, the beginning of a text."""

    rows: tuple[tuple[str, ...], ...] = ()
    total: int = 0
    drawn: Table | None = None
    text: str | Markup = ""


def glance(each: Exhibit) -> Glance:
    if each.kind == "chart":
        told = each.told
        across, up = (told.x or "", told.y) if told else ("", ())
        return Glance(drawn=charted(each.place, each.path, across, up, each.name, _time_left()))
    if page().data is None:
        return Glance()
    if each.kind == "table":
        return _first_rows(each.place, each.path)
    if each.kind == "text":
        content = beginning(each.place, each.path)[:SEEN]
        if b"\0" in content:
            return Glance()
        text = content.decode("utf-8-sig", "replace")
        folder = each.path.rpartition("/")[0]
        marked = Path(each.path.lower()).suffix in PROSE
        return Glance(text=prose(text, quote(f"{each.place.raw}/{folder}".rstrip("/"))) if marked else text)
    return Glance()


def _time_left() -> float:
    """Seconds for the next chart of this page."""
    ends: float = g.setdefault("glances_end", time.monotonic() + GLANCES)
    return max(LEAST_GLANCE, ends - time.monotonic())


def _first_rows(place: FileRoot, path: str) -> Glance:
    """The heading and the first rows; nothing where it cannot be read here."""
    with _opened(place, path) as file:
        sheet, _ = _sheet(place, path, file)
        if sheet is None:
            return Glance()
        window = sheet.window(file, 0, SheetQuestion(), FIRST)
        return Glance((sheet.heads, *(cells for _, cells in window.rows)), window.total)


def charted(
    place: FileRoot, path: str, across: str, up: tuple[str, ...], title: str, seconds: float = SEARCHES
) -> Table:
    """Columns by their names as lines, as far as so many seconds go; the note says why there are none."""
    where = f"{place.url}/{path}"
    if page().data is None:
        return Table(title or path, where, note="its file lies on the node that ran it; this page runs without a node")
    with _opened(place, path) as file:
        sheet, note = _sheet(place, path, file)
        if sheet is None:
            return Table(title or path, where, note=note or "no table")
        unknown = [name for name in (across, *up) if name and name not in sheet.heads]
        if unknown:
            return Table(title or path, where, note=f"it has no column {unknown[0][:64]!r}")
        columns = tuple(map(sheet.heads.index, up)) or tuple(range(1, min(len(sheet.heads), MOST_LINES + 1)))
        begins = sheet.heads.index(across) if across else 0
        return _table(sheet, file, title or path, where, begins, columns, seconds)


def asked(sheet: Sheet) -> SheetQuestion:
    """As the address says; columns that are not there were not asked for."""
    given, last = request.args, len(sheet.heads) - 1
    sort, within = given.get("sort", -1, type=int), given.get("within", -1, type=int)
    return SheetQuestion(
        sort=sort if 0 <= sort <= last else -1,
        down=bool(given.get("down")),
        find=given.get("find", "")[:200],
        within=within if 0 <= within <= last else -1,
    )


def _drawn(sheet: Sheet, file: BinaryIO, path: str) -> Table | None:
    """What the address asks to be drawn; without that the beginning decides whether there is something to draw."""
    chosen = tuple(n for n in request.args.getlist("y", type=int) if 0 <= n < len(sheet.heads))[:MOST_LINES]
    if not chosen:
        return None
    across = request.args.get("x", -1, type=int)
    return _table(sheet, file, path, "", across if 0 <= across < len(sheet.heads) else -1, chosen)


def _table(
    sheet: Sheet, file: BinaryIO, title: str, where: str, across: int, up: tuple[int, ...], seconds: float = SEARCHES
) -> Table:
    found, whole = sheet.lines(file, across, up[:MOST_LINES], seconds)
    lines = tuple(
        TableLine(sheet.heads[column][:64] or f"column {column + 1}", tuple(points))
        for column, points in zip(up, found, strict=False)
        if points
    )
    if not lines:
        return Table(title, where, note="no row with numbers yet")
    name = sheet.heads[across][:64] if across >= 0 else "row"
    note = "" if whole else "only its beginning is drawn: the rest would take too long"
    return Table(title, where, lines, name, note)


def _row(text: str) -> int:
    return max(0, min(MOST_ROW, int(text)))


def _sheet(place: FileRoot, path: str, file: BinaryIO) -> tuple[Sheet | None, str]:
    """And what has to be said of it."""
    if isinstance(file, io.BytesIO):
        content = file.getvalue()
        cut = len(content) > LOOKED_AT
        return page().sheets.beginning(content, path), "only its beginning, as it lies on another node" if cut else ""
    return page().sheets.of(file, path), ""


@contextmanager
def _opened(place: FileRoot, path: str) -> Iterator[BinaryIO]:
    """Of a file that cannot be sought in, the beginning; of one that cannot be read, nothing."""
    try:
        if place.execution:
            file = tree(_folder(), look(), place).open(path)
        else:
            file = shelf(_folder(), place).place(path).open("rb")
    except (StoreError, ShelfError, OSError):
        yield io.BytesIO(b"\0")
        return
    with file:
        if not file.seekable():
            try:
                yield io.BytesIO(file.read(LOOKED_AT + 1))
            except (StoreError, OSError):
                yield io.BytesIO(b"\0")
        else:
            yield file


def _folder() -> Path:
    data = page().data
    if data is None:
        abort(404, "This page runs on a machine without a node, so there are no files here")
    return data


def beginning(place: FileRoot, path: str) -> bytes:
    with _opened(place, path) as file:
        return file.read(LOOKED_AT + 1)


def _indented(text: str) -> str:
    """As people read JSON; nothing where it is none, or so deep that only its indentation would be seen."""
    try:
        pieces = json.JSONEncoder(indent=2, ensure_ascii=False).iterencode(json.loads(text))
        found, room = list[str](), 2 * LOOKED_AT
        for piece in pieces:
            found.append(piece)
            room -= len(piece)
            if room < 0:
                return ""
    except (ValueError, RecursionError):
        return ""
    return "".join(found)
