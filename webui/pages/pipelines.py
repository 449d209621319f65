"""Pipelines: their definitions, who uses them, how they came about, and an editor that says what is wrong by line."""

import difflib
import json
import re
from collections.abc import Iterator
from functools import cache
from itertools import islice

from flask import Blueprint, Response, abort, flash, redirect, render_template, request, url_for

from schema import layout
from schema.codec import MAX_BYTES
from schema.names import NAME
from schema.published import schema
from state.contract.errors import StateError
from state.git.clone_reader import Version
from webui.access.person import NotAllowed, Role
from webui.pages.common import look, need, page
from webui.source.pipeline_drafts import broken_pipelines, draft, ended, proposed, put, used
from webui.views.pipeline_form import applied, groups

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


@pages.get("/pipelines")
def index() -> str:
    snapshot = look().snapshot
    broken = broken_pipelines(snapshot)
    return render_template(
        "pipelines.html", pipelines=sorted(snapshot.pipelines.values(), key=lambda each: each.name),
        used=used(snapshot), broken=broken,
    )  # fmt: skip


@pages.get("/schemas/pipeline.json")
def fields() -> Response:
    """Each field of a pipeline with its meaning: what the editor completes and explains. As it is published."""
    return Response(_fields(), mimetype="application/json")


@cache
def _fields() -> str:
    return json.dumps(schema("pipeline"), separators=(",", ":"), ensure_ascii=False)


@pages.get("/pipelines/<name>")
def show(name: str) -> str:
    text, now = _text(name), look().snapshot
    versions = list(islice(page().source.clone.versions(layout.pipeline(name), now.main), VERSIONS + 1))
    return render_template(
        "pipeline.html", name=name, draft=draft(now, name, text), pipeline=now.pipelines.get(name),
        used=sorted(used(now).get(name, ())), versions=list(_compared(versions))[:VERSIONS],
    )  # fmt: skip


@pages.get("/pipelines/<name>/edit")
def edit(name: str) -> str:
    """Also for a new one: then the text is a start."""
    _checked(name)
    text = page().source.clone.read_main(layout.pipeline(name))
    view = request.args.get("view", "text")
    return _editor(name, text or FRESH.format(name=name), new=text is None, view=view)


@pages.post("/pipelines/<name>/edit")
def turn(name: str) -> str:
    """The same draft in the other view, or with one stage or input more or less. Nothing is saved."""
    _checked(name)
    new = page().source.clone.read_main(layout.pipeline(name)) is None
    return _editor(name, _typed(), new=new, view=request.form.get("view", "form"))


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
    return render_template("_draft.html", draft=draft(look().snapshot, name, _typed()), name=name)


@pages.post("/pipelines/<name>")
def save(name: str) -> Response | tuple[str, int]:
    """A commit on `main`, or a branch with a merge request. What was typed is not lost where it is refused."""
    _checked(name)
    text = _typed()
    if draft(look().snapshot, name, text).problems:
        return _editor(name, text, new=False, view=request.form.get("now", "text")), 422
    comment = request.form.get("comment", "")
    proposal = request.form.get("as") == "proposal"
    try:
        flash(*_saved(name, text, comment, proposal=proposal))
    except (NotAllowed, StateError) as error:
        return _editor(name, text, new=False, refused=str(error)), 403 if isinstance(error, NotAllowed) else 409
    known = name in look().snapshot.pipelines
    return redirect(url_for("pipelines.show", name=name) if known else url_for("pipelines.index"), code=303)  # type: ignore[return-value]


def _saved(name: str, text: str, comment: str, *, proposal: bool) -> tuple[str, str]:
    """What became of it, and what its message leads to. NotAllowed, StateError, CommitYourself."""
    author = need(Role.OPERATOR if proposal else Role.ADMIN, "Proposing" if proposal else "Saving a pipeline").author
    if proposal:
        made = proposed(page().outbox, name, text, comment, author)
        where = made.address or f"the branch {made.branch}"
        said = f"{name}: proposed as {where}; nothing changes until somebody merges it"
        return said, f"merge:{made.address}" if made.address else f"branch:{made.branch}"
    commit = put(page().outbox, name, text, comment, author)
    if commit is None:
        return f"{name}: it is sent when the server is back", "message"
    return f"{name}: committed as {commit[:12]}", f"commit:{commit}"


def _editor(name: str, text: str, *, new: bool, refused: str = "", view: str = "text") -> str:
    """In the form view where that can show the text."""
    shown = groups(text) if view == "form" else ()
    if view == "form" and not shown:
        refused = refused or "Only as a text: the form needs a text that can be read and that has a list of stages."
    return render_template(
        "pipeline_edit.html", name=name, draft=draft(look().snapshot, name, text), new=new, refused=refused,
        comment=request.form.get("comment", ""), groups=shown,
    )  # fmt: skip


def _typed() -> str:
    """The text, with what stands in the fields of the form view."""
    text = ended(request.form.get("text", ""))
    if len(text.encode()) <= MAX_BYTES:
        try:
            text = ended(applied(text, request.form))
        except ValueError as error:
            abort(409, str(error))
    if len(text.encode()) > MAX_BYTES:
        abort(413, f"at most {MAX_BYTES} bytes")
    return text


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


def _compared(versions: list[Version]) -> Iterator[tuple[Version, list[str]]]:
    """Each with its difference from the one before."""
    for new, old in zip(versions, [*versions[1:], None], strict=True):
        before = (old.text if old else None) or ""
        lines = difflib.unified_diff(before.splitlines(), (new.text or "").splitlines(), lineterm="", n=2)
        yield new, [line for line in lines if not re.match(r"(---|\+\+\+) $", line)][:400]
