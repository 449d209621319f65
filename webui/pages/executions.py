"""One execution: what it was, what came of it, and its log, live where it runs on this machine."""

from dataclasses import dataclass
from pathlib import Path

from flask import Blueprint, abort, render_template

from flow.compare import Row, compare, duration
from flow.views import stale
from flow.world import ProjectView
from runner import logs
from schema import layout
from schema.execution import Execution
from webui.pages.common import look, page, project

pages = Blueprint("executions", __name__)
SHOWN = 400
"""Lines of a log that is shown at once."""


@dataclass(frozen=True, slots=True)
class Shown:
    """The end of a log; `whole` is where all of it is, if not here."""

    lines: list[logs.Line]
    live: bool = False
    whole: str = ""


def _execution(view: ProjectView, number: int) -> Execution:
    found = view.execution(number)
    if found is None:
        abort(404, f"There is no execution {number} of {view.id}; it has {view.last_execution}")
    return found


@pages.get("/projects/<id>/<int:number>")
def show(id: str, number: int) -> str:
    view = project(id)
    record = _execution(view, number)
    same = [each for each in view.executions if each.stage == record.stage]
    place = same.index(record)
    before = same[place - 1] if place else None
    return render_template(
        "execution.html",
        view=view,
        e=record,
        stale=number in stale(view),
        log=_log(view, record),
        before=before,
        after=same[place + 1] if place + 1 < len(same) else None,
        changed=[each for each in compare(before, record) if not each.same] if before else [],
        took=duration,
    )


@pages.get("/projects/<id>/<int:number>/log")
def log(id: str, number: int) -> str:
    view = project(id)
    record = _execution(view, number)
    return render_template("_log.html", view=view, e=record, log=_log(view, record))


@pages.get("/projects/<id>/compare/<int:left>/<int:right>")
def beside(id: str, left: int, right: int) -> str:
    view = project(id)
    rows: list[Row] = compare(_execution(view, left), _execution(view, right))
    rows.sort(key=lambda each: each.same)
    return render_template("compare.html", view=view, left=left, right=right, rows=rows)


def _log(view: ProjectView, record: Execution) -> Shown:
    path = _here(record)
    if path is not None:
        return Shown([_clean(line) for line in logs.tail(path, SHOWN)], live=record.state.active)
    text = page().source.clone.read_text(layout.log(view.id, record.execution, record.stage)) or ""
    lines = [_clean(logs.parse(line)) for line in text.splitlines()]
    return Shown(lines, whole=f"the whole log is on {record.claim.node}" if record.state.active or lines else "")


def _here(record: Execution) -> Path | None:
    data = page().data
    path = data / "runs" / record.claim.container / "log" if data else None
    return path if path and path.is_file() and look() else None


def _clean(line: logs.Line) -> logs.Line:
    return logs.Line(line.time, line.stream, logs.clean(line.text)[:4000])
