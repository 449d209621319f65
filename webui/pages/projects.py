"""One project: its stages, its history grouped by stage, and everything that can be asked of it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for

from flow.controls import steps_of
from flow.views import stale
from flow.world import ProjectView
from schema.execution import Execution
from schema.inputs import Input
from webui.pages.common import look, page, project
from webui.pages.overview import row

pages = Blueprint("projects", __name__)


@dataclass(frozen=True, slots=True)
class Run:
    """An execution in the history of its stage, and which inputs differ from the one before."""

    record: Execution
    changed: Mapping[str, Any]
    stale: bool


@pages.get("/projects/<id>")
def show(id: str) -> str:
    view = project(id)
    snapshot = look().snapshot
    steps = steps_of(view)
    template = "_project.html" if request.headers.get("HX-Request") else "project.html"
    return render_template(
        template, view=view, row=row(snapshot, view), steps=steps, history=dict(_history(view)), inputs=_inputs(view),
        asks=_asks(view),
    )  # fmt: skip


def _history(view: ProjectView) -> Iterator[tuple[str, list[Run]]]:
    """By stage in the order of the pipeline, the newest run first."""
    pipeline, outdated = view.definition or view.pipeline, stale(view)
    names = [stage.name for stage in pipeline.stages] if pipeline else []
    names += sorted({each.stage for each in view.executions} - set(names))
    for name in names:
        runs, before = [], None
        for record in (each for each in view.executions if each.stage == name):
            runs.append(Run(record, _changed(before, record), record.execution in outdated))
            before = record
        yield name, runs[::-1]


def _changed(before: Execution | None, after: Execution) -> dict[str, Any]:
    if before is None:
        return {}
    return {name: value for name, value in after.inputs.items() if before.inputs.get(name) != value}


def _inputs(view: ProjectView) -> Mapping[str, Input]:
    pipeline = view.pipeline or view.definition
    return pipeline.inputs if pipeline else {}


def _asks(view: ProjectView) -> Mapping[str, Input]:
    """The typed questions of the manual stage that waits for a person."""
    wait = steps_of(view).wait
    return wait.asks if wait else {}


@pages.post("/projects/<id>/requests")
def ask(id: str) -> Response:
    """A form to a request. What is empty was not said."""
    view = project(id)
    wish: dict[str, Any] = {
        name: request.form[name] for name in ("request", "stage", "then", "comment") if request.form.get(name)
    }
    if execution := request.form.get("execution", type=int):
        wish["execution"] = execution
    if source := request.form.get("from", type=int):
        wish["workspace"] = {"from": source}
    if inputs := {
        name.removeprefix("input-"): value
        for name, value in request.form.items()
        if name.startswith("input-") and value != ""
    }:
        wish["inputs"] = inputs
    outbox = page().outbox
    if outbox is None:
        flash("This page may not commit. Commit the request yourself: winslowctl " + str(wish.get("request", "")))
        return _back(id)
    commit = outbox.ask(look().snapshot, view.id, wish, page().author())
    flash(
        f"{wish['request']}: committed as {commit[:12]}"
        if commit
        else f"{wish['request']}: the server is away; it is sent when it is back"
    )
    return _back(id)


def _back(id: str) -> Response:
    return redirect(url_for("projects.show", id=id), code=303)  # type: ignore[return-value]
