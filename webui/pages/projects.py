"""One project: its stages, its history grouped by stage, and everything that can be asked of it."""

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for

from flow.model.snapshot import ProjectView
from flow.project.precheck import WouldBeRejected
from flow.project.replies import steps_of
from flow.status.compare import duration
from schema.execution import Execution
from schema.file_input import plain
from schema.inputs import Input
from schema.value_lists import listed
from state.contract.errors import StateError
from webui.pages.common import look, page, person, project
from webui.pages.logs import execution
from webui.pages.previews import glance
from webui.views import filters
from webui.views.comments import shown as said
from webui.views.exhibits import exhibits, newest, results
from webui.views.project_rows import ProjectRow, row
from webui.views.runs import history
from webui.views.stage_graph import StageDrawing, graph
from webui.views.wording import answered_by, asks

pages = Blueprint("projects", __name__)
KINDS = ("start", "resume", "pause", "abort", "skip", "answer")


@pages.get("/projects/<id>")
def show(id: str) -> str:
    return shown(project(id))


@pages.get("/projects/<id>/redo/<int:number>")
def redo(id: str, number: int) -> str:
    """The form that starts from a stage again, filled in as an execution had it."""
    view = project(id)
    return shown(view, again=execution(view, number))


def shown(view: ProjectView, again: Execution | None = None, refused: str = "") -> str:
    snapshot = look().snapshot
    line = row(snapshot, view)
    pipeline = view.pipeline or view.definition
    asked, answered = asks(view), answered_by(view)
    return render_template(
        "project.html", view=view, row=line, steps=steps_of(view), inputs=_inputs(view),
        history=list(history(view, request.args.get("all", ""))), all=request.args.get("all", ""),
        asks=asked, answered=answered, picture=_picture(view, line), again=again, typed=_typed(again), refused=refused,
        exhibits=exhibits(view, newest(view), page().source.clone) if line.now.state == "needs_input" else [],
        stages=[each.name for each in pipeline.stages] if pipeline else [],
        delete_after=snapshot.settings.delete_after,
        results=results(view, page().source.clone) if line.now.state != "needs_input" else [], glance=glance,
        newest=newest(view), comments=said(view, look(), page().source.clone), pipeline=pipeline,
    )  # fmt: skip


def _picture(view: ProjectView, line: ProjectRow) -> StageDrawing:
    notes = []
    for each in line.stages:
        record = view.execution(each.execution) if each.execution else None
        took = duration(record) if record else None
        notes.append(filters.duration(took) if took is not None else "")
    return graph(line.stages, notes)


def _typed(again: Execution | None) -> Mapping[str, Any]:
    """What stands in the fields: what was typed before it was refused, else what an execution had."""
    if request.method == "POST":
        return {name.removeprefix("input-"): value for name, value in request.form.items()}
    if again is None:
        return {}
    given = {name: plain(value) for name, value in again.inputs.items()}
    source = again.workspace.source
    return {**given, "stage": again.stage, "from": source if source is not None else ""}


def _inputs(view: ProjectView) -> Mapping[str, Input]:
    pipeline = view.pipeline or view.definition
    return pipeline.inputs if pipeline else {}


@pages.post("/projects/<id>/requests")
def ask(id: str) -> Response | tuple[str, int]:
    """A form to a request. What is empty was not said. Where it is refused, nothing that was typed is lost."""
    view = project(id)
    try:
        wish = _wish(view)
        commit = page().outbox.ask(look().snapshot, view.id, wish, person().author)
    except (WouldBeRejected, ValueError) as error:
        return shown(view, refused=f"This cannot be asked: {error}"), 422
    except StateError as error:
        return shown(view, refused=f"This was not committed: {error}"), 409
    told(f"{wish['request']}", commit)
    return _back(id)


def told(what: str, commit: str | None) -> None:
    """What became of a wish, with its commit."""
    flash(
        f"{what}: committed as {commit[:12]}" if commit else f"{what}: the server is away; it is sent when it is back",
        f"commit:{commit}" if commit else "message",
    )


def _wish(view: ProjectView) -> dict[str, Any]:
    wish: dict[str, Any] = {
        name: request.form[name].strip() for name in ("request", "stage", "then", "comment") if request.form.get(name)
    }
    if execution := request.form.get("execution", type=int):
        wish["execution"] = execution
    if (source := request.form.get("from", type=int)) and not _as_before(view, source):
        wish["workspace"] = {"from": source, **_changes()}
    if request.form.get("fresh"):
        wish["fresh"] = True
    if lines := [line for line in request.form.get("values", "").splitlines() if line.strip()]:
        wish["parallel"] = {"matrix": dict(map(listed, lines))}
    if inputs := {
        name.removeprefix("input-"): value
        for name, value in request.form.items()
        if name.startswith("input-") and value != "" and not _anyway(view, name.removeprefix("input-"), value)
    }:
        wish["inputs"] = inputs
    return wish


def _anyway(view: ProjectView, name: str, value: str) -> bool:
    """Whether a start would have this value without being told: a form that is filled in says only what is changed."""
    if request.form.get("request") != "start":
        return False
    spec, said = _inputs(view).get(name), view.project.inputs if view.project else {}
    now = said.get(name, spec.default if spec else None)
    return now is not None and str(filters.plain(now)) == value.strip()


def _as_before(view: ProjectView, source: int) -> bool:
    """Whether the stage builds on it without being told, as its last execution did."""
    if request.form.get("request") != "start" or request.form.getlist("add") or request.form.getlist("remove"):
        return False
    stage = request.form.get("stage", "")
    last = next((each for each in reversed(view.executions) if each.stage == stage), None)
    return last is not None and last.workspace.source == source and not last.workspace.add


def _changes() -> dict[str, Any]:
    """Of a workspace: `add` is `PATH=DIGEST`, `remove` a path, each as often as wanted."""
    pairs = (text.strip().rpartition("=") for text in request.form.getlist("add") if text.strip())
    added = {path or digest: digest for path, _, digest in pairs}
    removed = [path for path in request.form.getlist("remove") if path]
    return {**({"add": added} if added else {}), **({"remove": removed} if removed else {})}


def _back(id: str) -> Response:
    return redirect(url_for("projects.show", id=id), code=303)  # type: ignore[return-value]
