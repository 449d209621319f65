"""All runs of a stage in one table: ranked, drawn, and those that are ticked laid over each other. The address says all
of it, so it can be shared.
"""

from collections.abc import Iterator, Sequence

from flask import Blueprint, abort, render_template, request
from markupsafe import Markup

from flow.model.snapshot import ProjectView
from flow.status.compare import duration
from flow.status.compare_points import Compared, NoSuchMeasure, compared, runs_of
from webui.pages.common import look, page, project
from webui.views.charts import ChartFrame, framed, plot
from webui.views.exhibits import Exhibit, exhibits
from webui.views.run_drawings import parallel, scatter
from webui.views.tables import TableLine, tables

pages = Blueprint("compared_runs", __name__)
SHOWN, LAID_OVER = 200, 8
"""Rows at first, and runs that are laid over each other."""


@pages.get("/projects/<id>/runs/<stage>")
def show(id: str, stage: str) -> str:
    view = project(id)
    runs = runs_of(view, stage, every="every" in request.args)
    if not runs:
        abort(404, f"No execution of {stage[:63]!r} is there.")
    by, lowest, refused = request.args.get("by", ""), request.args.get("order") == "lowest", ""
    try:
        rows = compared(runs, by=by, lowest=lowest)
    except NoSuchMeasure as error:
        rows, by, refused = compared(runs), "", str(error)
    settings = list(dict.fromkeys(name for row in rows for name in row.settings))
    measures = list(dict.fromkeys(name for row in rows for name in row.measures if name not in settings))
    across = request.args.get("across", settings[0] if settings else "")
    ticked = _ticked(rows)
    return render_template(
        "runs.html", view=view, stage=stage, rows=rows if "all" in request.args else rows[:SHOWN], count=len(rows),
        settings=settings, measures=measures, by=by, lowest=lowest, across=across, refused=refused, took=duration,
        dots=scatter(rows[:SHOWN], across, by, id) if by and across in settings else "",
        lines=parallel(rows[:SHOWN], [*settings, by]) if by else "",
        ticked=ticked, curves=list(_curves(view, ticked)), pictures=_pictures(view, ticked),
    )  # fmt: skip


def _ticked(rows: Sequence[Compared]) -> list[Compared]:
    wanted = set(request.args.getlist("only", type=int))
    return [row for row in rows if row.execution.execution in wanted][:LAID_OVER]


def _curves(view: ProjectView, ticked: Sequence[Compared]) -> Iterator[tuple[str, str, ChartFrame, Markup, list[int]]]:
    """Each column of each table, one line a run, in one frame."""
    found: dict[tuple[str, str], list[tuple[int, TableLine, str]]] = {}
    for row in ticked:
        for table in tables(view, row.execution, look(), page().data):
            for line in table.lines:
                found.setdefault((table.path, line.name), []).append((row.execution.execution, line, table.across))
    for (path, name), lines in found.items():
        frame = framed([line.points for _, line, _ in lines])
        drawn = plot([(str(number), line.points) for number, line, _ in lines], f"{name} of {path}", frame, lines[0][2])
        yield path, name, frame, drawn, [number for number, _, _ in lines]


def _pictures(view: ProjectView, ticked: Sequence[Compared]) -> dict[str, list[tuple[int, Exhibit]]]:
    """By path, for those that at least two of the runs left."""
    found: dict[str, list[tuple[int, Exhibit]]] = {}
    for row in ticked:
        for each in exhibits(view, row.execution, page().source.clone):
            if each.kind == "image":
                found.setdefault(each.path, []).append((row.execution.execution, each))
    return {path: shown for path, shown in found.items() if len(shown) > 1}
