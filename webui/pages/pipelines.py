"""Pipelines: their definitions, who uses them, how they came about, and an editor that says what is wrong by line."""

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice

from flask import Blueprint, Response, abort, flash, redirect, render_template, request, url_for

from flow.judge import misnamed, unfilled
from flow.plan import Planned, difference, plan
from flow.world import Snapshot
from schema import layout
from schema.binding import bind
from schema.codec import MAX_BYTES, load
from schema.errors import DocumentError, Problem
from schema.names import NAME
from schema.pipeline import Pipeline, unsupported
from state.looks import Version
from state.message import clean, said
from state.proposals import propose
from state.repository import Edit
from webui.access.who import Role
from webui.pages.common import look, need, page

pages = Blueprint("pipelines", __name__)
VERSIONS = 20
FRESH = """name: {name}
description:
inputs: {{}}
stages:
  - name: first
    image: python:3.11-slim
    command: [python, -c, "print('hello')"]
"""


@dataclass(frozen=True, slots=True)
class Draft:
    """A text as a definition: what is wrong with it, or what it would change."""

    text: str
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()
    planned: tuple[Planned, ...] = ()

    @property
    def lines(self) -> list[str]:
        return self.text.splitlines()


@pages.get("/pipelines")
def index() -> str:
    snapshot = look().snapshot
    broken = [text for text in snapshot.problems if text.startswith("pipelines/")]
    return render_template(
        "pipelines.html", pipelines=sorted(snapshot.pipelines.values(), key=lambda each: each.name),
        used=_used(snapshot), broken=broken,
    )  # fmt: skip


@pages.get("/pipelines/<name>")
def show(name: str) -> str:
    text = _text(name)
    versions = list(islice(page().source.clone.versions(layout.pipeline(name), look().snapshot.main), VERSIONS + 1))
    return render_template(
        "pipeline.html", name=name, draft=_draft(name, text), pipeline=look().snapshot.pipelines.get(name),
        used=sorted(_used(look().snapshot).get(name, ())), versions=list(_compared(versions))[:VERSIONS],
    )  # fmt: skip


@pages.get("/pipelines/<name>/edit")
def edit(name: str) -> str:
    """Also for a new one: then the text is a start."""
    _checked(name)
    text = page().source.clone.read_main(layout.pipeline(name))
    return _editor(name, text or FRESH.format(name=name), new=text is None)


@pages.get("/new-pipeline")
def new() -> Response | str:
    if name := request.args.get("name", "").strip():
        _checked(name)
        return redirect(url_for("pipelines.edit", name=name), code=303)  # type: ignore[return-value]
    return render_template("pipeline_new.html")


@pages.post("/pipelines/<name>/check")
def check(name: str) -> str:
    """What is said beside the editor while somebody types."""
    _checked(name)
    return render_template("_draft.html", draft=_draft(name, _typed()), name=name)


@pages.post("/pipelines/<name>")
def save(name: str) -> Response | tuple[str, int]:
    """A commit on `main`, or a branch with a merge request. What was typed is not lost where it is refused."""
    _checked(name)
    text, draft = _typed(), _draft(name, _typed())
    if draft.problems:
        return _editor(name, text, new=False), 422
    subject = said(clean(request.form.get("comment", ""))) or f"Put pipeline {name}"
    files: dict[str, str | None] = {layout.pipeline(name): text}
    proposal = request.form.get("as") == "proposal"
    author = need(Role.OPERATOR if proposal else Role.ADMIN, "Proposing" if proposal else "Saving a pipeline").author
    outbox = page().outbox
    if outbox is None:
        abort(403, "This page may not commit")
    if proposal:
        proposed = outbox.use(lambda client: propose(client, Edit(files, subject, author), name))
        where = proposed.address or f"the branch {proposed.branch}"
        flash(f"{name}: proposed as {where}; nothing changes until somebody merges it")
    else:
        commit = outbox.edit(files, subject, author)
        flash(f"{name}: committed as {commit[:12]}" if commit else f"{name}: it is sent when the server is back")
    known = name in look().snapshot.pipelines
    return redirect(url_for("pipelines.show", name=name) if known else url_for("pipelines.index"), code=303)  # type: ignore[return-value]


def _editor(name: str, text: str, *, new: bool) -> str:
    return render_template("pipeline_edit.html", name=name, draft=_draft(name, text), new=new)


def _typed() -> str:
    text = request.form.get("text", "").replace("\r\n", "\n")
    if len(text.encode()) > MAX_BYTES:
        abort(413, f"at most {MAX_BYTES} bytes")
    return text if text.endswith("\n") else f"{text}\n"


def _checked(name: str) -> None:
    if not re.fullmatch(NAME, name):
        abort(404, f"{name[:60]!r} is no name: lower-case letters, digits, . _ -")


def _text(name: str) -> str:
    """Of the moment that is looked at."""
    _checked(name)
    found = next(page().source.clone.versions(layout.pipeline(name), look().snapshot.main), None)
    if found is None or found.text is None:
        abort(404, f"There is no pipeline {name!r}")
    return found.text


def _draft(name: str, text: str) -> Draft:
    file = layout.pipeline(name)
    try:
        parsed = load(text, file)
        pipeline = bind(Pipeline, parsed)
    except DocumentError as error:
        return Draft(text, error.problems)
    problems = (*misnamed(pipeline, name, parsed), *unfilled(pipeline, parsed))
    if problems:
        return Draft(text, problems)
    sentence = unsupported(pipeline)
    notes = (f"{sentence}; a start is refused",) if sentence else ()
    now = look().snapshot
    after = _with(now, pipeline)
    return Draft(text, notes=(*notes, *_changes(now, pipeline)), planned=tuple(difference(plan(now), plan(after))))


def _with(snapshot: Snapshot, pipeline: Pipeline) -> Snapshot:
    """As if `main` held it already. Chains keep the definition they began with."""
    projects = {
        id: replace(view, pipeline=pipeline, pipeline_problem="")
        if view.project and view.project.pipeline == pipeline.name
        else view
        for id, view in snapshot.projects.items()
    }
    return replace(snapshot, pipelines={**snapshot.pipelines, pipeline.name: pipeline}, projects=projects)


def _changes(snapshot: Snapshot, pipeline: Pipeline) -> Iterator[str]:
    before = snapshot.pipelines.get(pipeline.name)
    if before is None:
        yield "a new pipeline"
        return
    old, new = ({stage.name: stage for stage in each.stages} for each in (before, pipeline))
    for verb, names in (
        ("new", [name for name in new if name not in old]),
        ("gone", [name for name in old if name not in new]),
        ("changed", [name for name in new if name in old and new[name] != old[name]]),
    ):
        if names:
            yield f"{verb}: stage{'s' * (len(names) > 1)} {', '.join(names)}"
    if before.inputs != pipeline.inputs:
        yield "the inputs change"
    if before != pipeline and (users := len(_used(snapshot).get(pipeline.name, ()))):
        yield f"{users} project{'s' * (users > 1)} use it; what has started keeps its definition, new starts take this"


def _used(snapshot: Snapshot) -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = {}
    for view in snapshot.projects.values():
        if view.project:
            found.setdefault(view.project.pipeline.partition("@")[0], []).append(view.id)
    return found


def _compared(versions: list[Version]) -> Iterator[tuple[Version, list[str]]]:
    """Each with its difference from the one before."""
    for new, old in zip(versions, [*versions[1:], None], strict=True):
        before = (old.text if old else None) or ""
        lines = difflib.unified_diff(before.splitlines(), (new.text or "").splitlines(), lineterm="", n=2)
        yield new, [line for line in lines if not re.match(r"(---|\+\+\+) $", line)][:400]
