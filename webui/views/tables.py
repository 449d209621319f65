"""The tables that a stage declares as charts (`artifacts.reports.charts`), read from its workspace and drawn.

What the pipeline says now decides what is drawn, also of earlier executions and while one still runs: the files lie in
the workspace, and nothing of a chart is recorded.
"""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from markupsafe import Markup

from flow.model.snapshot import ProjectView
from runner.logs.log_file import clean
from runner.store.errors import StoreError
from schema.execution import Execution
from webui.files.places import FileRoot, tree
from webui.sheets.sheet_form import SheetForm, form_of, records
from webui.source.view_source import Look
from webui.views.charts import ChartFrame, framed, plot

MOST_BYTES = 1024 * 1024
MOST_LINES, MOST_POINTS = 8, 1000
"""Columns that are drawn, and points of each: of more, evenly chosen ones."""


@dataclass(frozen=True, slots=True)
class TableLine:
    name: str
    points: tuple[tuple[float, float], ...]

    @property
    def last(self) -> float:
        return self.points[-1][1]

    @property
    def low(self) -> float:
        return min(value for _, value in self.points)

    @property
    def high(self) -> float:
        return max(value for _, value in self.points)


@dataclass(frozen=True, slots=True)
class Table:
    """A declared file as it is shown. `note` says why there is nothing, or not all."""

    path: str
    page: str
    lines: tuple[TableLine, ...] = ()
    across: str = ""
    note: str = ""

    @property
    def frame(self) -> ChartFrame:
        return framed([line.points for line in self.lines])

    def drawn(self, frame: ChartFrame | None = None) -> Markup:
        """In a frame that others share, or its own."""
        said = f"{self.path}: " + ", ".join(f"{line.name} {line.last:.4g}" for line in self.lines)
        return plot([(line.name, line.points) for line in self.lines], said, frame or self.frame, self.across)


def declared(view: ProjectView, record: Execution) -> tuple[str, ...]:
    stages = (pipeline.stage(record.stage) for pipeline in (view.pipeline, view.definition) if pipeline)
    return next((stage.artifacts.reports.charts for stage in stages if stage), ())


def tables(view: ProjectView, record: Execution, look: Look, data: Path | None) -> list[Table]:
    """Every declared one; those of a folder that cannot be read say so."""
    paths = declared(view, record)
    place = FileRoot(view.id, record.execution)
    return [_table(path, place, look, data) for path in paths]


def _table(path: str, place: FileRoot, look: Look, data: Path | None) -> Table:
    page = f"{place.url}/{path}"
    if data is None:
        return Table(path, page, note="its file lies on the node that ran it; this page runs without a node")
    try:
        files = tree(data, look, place)
    except StoreError as error:
        return Table(path, page, note=str(error))
    try:
        with files.open(path) as file:
            content = file.read(MOST_BYTES + 1)
    except (StoreError, OSError):
        return Table(path, page, note="not written, or not yet")
    return read(path, page, content)


def read(path: str, page: str, content: bytes) -> Table:
    """Of hostile bytes a table of finite numbers, or the note that there are none."""
    cut, form = len(content) > MOST_BYTES, form_of(content, path)
    if form is None:
        return Table(path, page, note="no table: it is no text")
    rows = [form.parts(record) for _, record in records(io.BytesIO(content[:MOST_BYTES]), form.begins, form)]
    heads, rows = (rows[0], rows[1 : -1 if cut else None]) if rows else ([], [])
    lines = tuple(islice(_lines(form, heads, rows), MOST_LINES))
    if not lines:
        return Table(path, page, note="no row with numbers yet; the first column goes across, the others up")
    note = "only its first MiB is drawn" if cut else ""
    return Table(path, page, lines, clean(heads[0])[:64], note)


def _lines(form: SheetForm, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[TableLine]:
    for place, name in enumerate(heads[1:], 1):
        each = [_point(form, row, number, place) for number, row in enumerate(rows)]
        points = [(x, y) for x, y in each if y is not None]
        if points:
            yield TableLine(clean(name)[:64] or f"column {place + 1}", tuple(_thinned(points)))


def _point(form: SheetForm, row: Sequence[str], number: int, place: int) -> tuple[float, float | None]:
    """Where the first column is no number, rows are counted."""
    across = form.number(row[0]) if row else None
    return number if across is None else across, form.number(row[place]) if place < len(row) else None


def _thinned(points: Sequence[tuple[float, float]]) -> Sequence[tuple[float, float]]:
    step = -(-len(points) // MOST_POINTS)
    return [*points[:-1:step], points[-1]]
