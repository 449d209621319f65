"""Making a project, and changing or deleting one: each a form that becomes the commit a person could have made."""

import re
from collections.abc import Mapping
from contextlib import suppress
from itertools import islice
from typing import Any

from flask import Blueprint, Response, abort, redirect, render_template, request, url_for

from flow.model.snapshot import ProjectView
from runner.files.shared_folder import Item, ShelfError
from schema import layout
from schema.errors import SchemaError
from schema.names import NAME
from schema.pipeline import Pipeline
from state.contract.errors import StateError
from state.edits.projects import changed, created, deleted, differing
from webui.access.person import Role
from webui.files.places import FileRoot, shelf
from webui.pages.common import look, need, page, person, project
from webui.pages.projects import told
from webui.views.filters import plain

pages = Blueprint("wizard", __name__)
OFFERED, LOOKED_AT = 200, 20_000
"""Files of the pool that are offered while somebody types, and among which they are looked for."""


@pages.get("/new")
def new() -> str:
    """`pipeline` names what it is made of; `from` a project after whose example it is filled in."""
    return _form(request.args.get("pipeline", ""), _example(request.args.get("from", "")))


def _example(id: str) -> dict[str, Any]:
    view = look().snapshot.projects.get(id)
    if view is None or view.project is None:
        return {}
    said = view.project
    latest = next((each.inputs for each in reversed(view.replies) if each.kind == "start" and each.accepted), {})
    inputs = {**said.inputs, **latest}
    return {"pipeline": said.pipeline, "tags": ", ".join(said.tags), **{f"input-{k}": v for k, v in inputs.items()}}


def _form(pipeline: str, values: Mapping[str, Any], refused: str = "") -> str:
    snapshot = look().snapshot
    name = pipeline or str(values.get("pipeline", "")) or next(iter(sorted(snapshot.pipelines)), "")
    chosen: Pipeline | None = snapshot.pipelines.get(name.partition("@")[0])
    return render_template(
        "new.html", pipelines=sorted(snapshot.pipelines), chosen=chosen, name=name, values=values, refused=refused,
        films=_films() if chosen and any(each.type == "file" for each in chosen.inputs.values()) else [],
    )  # fmt: skip


@pages.get("/new/films")
def films() -> str:
    """Files of the pool, while somebody types in a field of the form."""
    typed = next((value for name, value in request.args.items() if name.startswith("input-")), "")
    return render_template("_films.html", films=films_with(typed))


def films_with(text: str) -> list[Item]:
    """Files of the pool here whose path has this text; nothing on a machine without a pool."""
    return _films(text) or []


def _films(typed: str = "") -> list[Item] | None:
    """Those whose path has what was typed. None on a machine without a pool."""
    data = page().data
    if data is None:
        return None
    found, wanted = list[Item](), typed.lower()
    with suppress(ShelfError, OSError):
        for item in islice(shelf(data, FileRoot()).files(), LOOKED_AT):
            if wanted in item.path.lower():
                found.append(item)
            if len(found) == OFFERED:
                break
    return found


@pages.get("/new/check")
def check() -> str:
    """Said beside the id while somebody types."""
    return render_template("_id.html", wrong=_wrong(request.args.get("id", "")), id=request.args.get("id", ""))


def _wrong(id: str) -> str:
    if not id:
        return ""
    if not re.fullmatch(NAME, id):
        return "lower-case letters, digits, . _ - ; begins and ends with a letter or digit; at most 63"
    view = look().snapshot.projects.get(id)
    return "there is one of that id already" if view and view.project and not view.deletion else ""


@pages.post("/new")
def make() -> Response | tuple[str, int]:
    id, pipeline = request.form.get("id", "").strip(), request.form.get("pipeline", "")
    wrong = "an id is needed" if not id else _wrong(id)
    if wrong:
        return _form(pipeline, request.form, f"The id {id!r}: {wrong}"), 422
    fields = {"name": request.form.get("name", "").strip(), "pipeline": pipeline, "tags": _tags(), "inputs": _inputs()}
    start = bool(request.form.get("start"))
    try:
        files = created(look().snapshot, id, fields, start=start)
        _commit(files, f"Create project {id}" + (" and start it" if start else ""))
    except (StateError, SchemaError) as error:
        return _form(pipeline, request.form, str(error)), 422
    known = id in look().snapshot.projects
    return redirect(url_for("projects.show", id=id) if known else url_for("overview.index"), code=303)  # type: ignore[return-value]


@pages.get("/projects/<id>/settings")
def settings(id: str) -> str:
    return _settings(id)


def _settings(id: str, refused: str = "") -> str:
    view = project(id)
    typed = request.form if refused else {}
    return render_template(
        "settings.html", view=view, typed=typed, said=view.project, refused=refused,
        pipelines=sorted(look().snapshot.pipelines),
        delete_after=look().snapshot.settings.delete_after, inputs=view.pipeline.inputs if view.pipeline else {},
    )  # fmt: skip


@pages.post("/projects/<id>/settings")
def change(id: str) -> Response | tuple[str, int]:
    view = project(id)
    changes, inputs = _differences(view)
    if not changes and not inputs:
        return redirect(url_for("projects.show", id=id), code=303)  # type: ignore[return-value]
    try:
        text = page().source.clone.read_main(layout.project(view.id))
        files = changed(look().snapshot, view.id, text, changes, inputs)
        _commit(files, f"Edit project {view.id}: {', '.join([*changes, *inputs])}")
    except (StateError, SchemaError) as error:
        return _settings(id, str(error)), 422
    return redirect(url_for("projects.show", id=id), code=303)  # type: ignore[return-value]


def _differences(view: ProjectView) -> tuple[dict[str, Any], dict[str, str]]:
    """What the form says otherwise than the file: of its fields, and of its inputs, where empty says nothing."""
    form = request.form
    wanted: dict[str, Any] = {name: form[name].strip() for name in ("name", "pipeline", "description") if name in form}
    wanted["tags"] = _tags()
    if (priority := form.get("priority", type=int)) is not None:
        wanted["priority"] = priority
    shown = {name: str(plain(value)) for name, value in (view.project.inputs if view.project else {}).items()}
    inputs = {name: value for name, value in _inputs().items() if value != shown.get(name)}
    return differing(view.project, wanted), inputs


@pages.post("/projects/<id>/delete")
def delete(id: str) -> Response | tuple[str, int]:
    view = project(id)
    need(Role.ADMIN, "Deleting a project")
    if request.form.get("confirm", "").strip() != view.id:
        return _settings(id, f"To delete it, type its id: {view.id}"), 422
    try:
        _commit(*deleted(view.id, now=bool(request.form.get("now"))))
    except StateError as error:
        return _settings(id, str(error)), 409
    return redirect(url_for("overview.index"), code=303)  # type: ignore[return-value]


@pages.post("/projects/<id>/restore")
def restore(id: str) -> Response:
    """The file as it was before it was removed; until the time of grace is over that brings all of it back."""
    view = project(id)
    need(Role.ADMIN, "Restoring a project")
    path = layout.project(view.id)
    versions = page().source.clone.versions(path, look().snapshot.main) if view.deletion else ()
    text = next((each.text for each in versions if each.text is not None), None)
    if text is None:
        abort(409, f"Project {view.id!r} is not deleted, or its file is not in the history of main")
    _commit({path: text}, f"Restore project {view.id}")
    return redirect(url_for("projects.show", id=id), code=303)  # type: ignore[return-value]


def _commit(files: dict[str, str | None], message: str) -> None:
    told(message.partition("\n")[0], page().outbox.edit(files, message, person().author))


def _tags() -> list[str]:
    return [tag.strip() for tag in request.form.get("tags", "").split(",") if tag.strip()]


def _inputs() -> dict[str, str]:
    return {name[6:]: value for name, value in request.form.items() if name.startswith("input-") and value != ""}
