"""One project: its stages, its history grouped by stage, and everything that can be asked of it."""

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for

from flow.asking import WouldBeRejected
from flow.compare import duration
from flow.controls import steps_of
from flow.world import ProjectView
from schema.errors import DocumentError
from schema.execution import Execution
from schema.inputs import Input
from webui import filters
from webui.comments import shown
from webui.facts import answered_by, asks
from webui.graph import Graph, graph
from webui.pages.common import look, page, person, project
from webui.pages.logs import execution
from webui.rows import Row, row
from webui.runs import history
from webui.shown import exhibits, newest

pages = Blueprint("projects", __name__)
KINDS = ("start", "resume", "pause", "abort", "skip", "answer")


@pages.get("/projects/<id>")
def show(id: str) -> str:
    return _page(project(id))


@pages.get("/projects/<id>/redo/<int:number>")
def redo(id: str, number: int) -> str:
    """The form that starts from a stage again, filled in as an execution had it."""
    view = project(id)
    return _page(view, again=execution(view, number))


def _page(view: ProjectView, again: Execution | None = None, refused: str = "") -> str:
    snapshot = look().snapshot
    line = row(snapshot, view)
    asked, answered = asks(view), answered_by(view)
    pipeline = view.pipeline or view.definition
    return render_template(
        "project.html", view=view, row=line, steps=steps_of(view), inputs=_inputs(view),
        history=list(history(view, request.args.get("all", ""))), all=request.args.get("all", ""),
        asks=asked, answered=answered, picture=_picture(view, line), again=again, typed=_typed(again), refused=refused,
        exhibits=exhibits(view, newest(view), page().source.clone) if line.now.state == "needs_input" else [],
        newest=newest(view), comments=shown(view, look(), page().source.clone), pipeline=pipeline,
    )  # fmt: skip


def _picture(view: ProjectView, line: Row) -> Graph:
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
    plain = {
        name: value["path"] if isinstance(value, Mapping) and "path" in value else value
        for name, value in again.inputs.items()
    }
    source = again.workspace.source
    return {**plain, "stage": again.stage, "from": source if source is not None else ""}


def _inputs(view: ProjectView) -> Mapping[str, Input]:
    pipeline = view.pipeline or view.definition
    return pipeline.inputs if pipeline else {}


@pages.post("/projects/<id>/requests")
def ask(id: str) -> Response | tuple[str, int]:
    """A form to a request. What is empty was not said. Where it is refused, nothing that was typed is lost."""
    view = project(id)
    wish = _wish()
    try:
        commit = page().outbox.ask(look().snapshot, view.id, wish, person().author)
    except (WouldBeRejected, DocumentError) as error:
        return _page(view, refused=f"This cannot be asked: {error}"), 422
    told(f"{wish['request']}", commit)
    return _back(id)


def told(what: str, commit: str | None) -> None:
    """What became of a wish, with its commit."""
    flash(
        f"{what}: committed as {commit[:12]}" if commit else f"{what}: the server is away; it is sent when it is back",
        f"commit:{commit}" if commit else "message",
    )


def _wish() -> dict[str, Any]:
    wish: dict[str, Any] = {
        name: request.form[name].strip() for name in ("request", "stage", "then", "comment") if request.form.get(name)
    }
    if execution := request.form.get("execution", type=int):
        wish["execution"] = execution
    if source := request.form.get("from", type=int):
        wish["workspace"] = {"from": source, **_changes()}
    if request.form.get("fresh"):
        wish["fresh"] = True
    if inputs := {
        name.removeprefix("input-"): value
        for name, value in request.form.items()
        if name.startswith("input-") and value != ""
    }:
        wish["inputs"] = inputs
    return wish


def _changes() -> dict[str, Any]:
    """Of a workspace: `add` is `PATH=DIGEST`, `remove` a path, each as often as wanted."""
    pairs = (text.strip().rpartition("=") for text in request.form.getlist("add") if text.strip())
    added = {path or digest: digest for path, _, digest in pairs}
    removed = [path for path in request.form.getlist("remove") if path]
    return {**({"add": added} if added else {}), **({"remove": removed} if removed else {})}


def _back(id: str) -> Response:
    return redirect(url_for("projects.show", id=id), code=303)  # type: ignore[return-value]
