"""Files: what is there, a look into what people can look at, and putting in and taking out."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, abort, flash, g, redirect, render_template, request

from flow.project.replies import steps_of
from peer.client import pools as peer_pools
from runner.files.shared_folder import ShelfError
from runner.store.errors import StoreError
from schema.reasons import Wait
from webui.access.person import Role
from webui.files.places import FileEntry, FileRoot, listing, shelf, tree
from webui.pages import previews
from webui.pages.common import look, need, page, project

pages = Blueprint("files", __name__)
MOST_PLACES = 2000
"""Files of which it is shown on which nodes they lie."""
Answer = str | tuple[str, int] | dict[str, object]


@pages.get("/files", defaults={"path": ""})
@pages.get("/files/<path:path>")
def pool(path: str) -> Answer:
    return _shown(FileRoot(), path)


@pages.get("/pools", defaults={"path": ""})
@pages.get("/pools/<path:path>")
def pools(path: str) -> str:
    """On which nodes what is in a folder of the pool lies: asked once the page is there, as a node may be slow."""
    data, path = _data(), path.strip("/")
    others = peer_pools.pools(data, data / "web" / "far", look().snapshot, path)
    try:
        here = list(shelf(data, FileRoot()).items(path))
    except (ShelfError, OSError):
        here = []
    return render_template(
        "_pools.html", rows=peer_pools.where(look().node, here, others)[:MOST_PLACES], here=look().node
    )


@pages.get("/projects/<id>/files", defaults={"path": ""})
@pages.get("/projects/<id>/files/<path:path>")
def of_project(id: str, path: str) -> Answer:
    return _shown(FileRoot(project(id).id), path)


@pages.get("/projects/<id>/<int:number>/files", defaults={"path": ""})
@pages.get("/projects/<id>/<int:number>/files/<path:path>")
def of_execution(id: str, number: int, path: str) -> Answer:
    return _shown(FileRoot(project(id).id, number), path)


@pages.post("/files/remove")
def remove() -> Response:
    """Of the pool or a project's own. What an execution left stays as it was."""
    place, path = FileRoot(request.form.get("project", "")), request.form.get("path", "")
    if place.project:
        project(place.project)
    need(Role.ADMIN, "Removing files")
    try:
        shelf(_data(), place).remove(path)
    except (ShelfError, OSError) as error:
        abort(404, str(error))
    flash(f"{place.name}{path} is removed")
    above = path.rstrip("/").rpartition("/")[0]
    return redirect(place.url + (f"/{above}" if above else ""), code=303)  # type: ignore[return-value]


def _data() -> Path:
    data = page().data
    if data is None:
        abort(404, "This page runs on a machine without a node, so there are no files here")
    return data


def _shown(place: FileRoot, path: str) -> Answer:
    """A folder as its listing, a file by itself."""
    path = path.strip("/")
    try:
        entries = listing(_data(), look(), place, path)
    except (ShelfError, StoreError, OSError) as error:
        entry = _file(place, path)
        if entry is None and not place.project:
            return _elsewhere(place, path, str(error)), 404
        if entry is None:
            abort(404, str(error))
        return _one(place, entry)
    if len(entries) == 1 and entries[0].path == path:
        return _one(place, entries[0])
    return render_template("files.html", place=place, path=path, entries=entries, crumbs=list(_crumbs(place, path)),
                           next=_next(place),
                           total=sum(entry.bytes for entry in entries))  # fmt: skip


def _elsewhere(place: FileRoot, path: str, why: str) -> str:
    """A place of the pool that is not here: it may be on other nodes, which the page asks."""
    crumbs = list(_crumbs(place, path))
    return render_template("files.html", place=place, path=path, entries=[], crumbs=crumbs, total=0, lacks=why)


@dataclass(frozen=True, slots=True)
class Next:
    """What can go on from the files of an execution that ended. `waits`: its chain can be resumed."""

    stages: Sequence[str]
    stage: str
    inputs: Mapping[str, Any]
    waits: bool


def _next(place: FileRoot) -> Next | None:
    view = project(place.project) if place.execution else None
    record = view.execution(place.execution) if view else None
    pipeline = view.pipeline or view.definition if view else None
    if view is None or record is None or pipeline is None or not record.state.ended or g.get("moment") is not None:
        return None
    stages = [stage.name for stage in pipeline.stages]
    after = stages[stages.index(record.stage) + 1 :] if record.stage in stages else []
    steps = steps_of(view)
    wanted = next((name for name in after if not pipeline.stages[stages.index(name)].gate), record.stage)
    inputs = {name: value for name, value in record.inputs.items() if name in pipeline.inputs}
    return Next(stages, wanted, inputs, bool(steps.wait and steps.chain and steps.wait.reason is not Wait.DONE))


def _file(place: FileRoot, path: str) -> FileEntry | None:
    try:
        row = tree(_data(), look(), place).row(path) if place.execution else None
    except StoreError:
        return None
    return FileEntry(path, row.size, digest=row.value) if row and row.kind.content else None


def _one(place: FileRoot, entry: FileEntry) -> Answer:
    """Where a script asks for rows of a table, these alone."""
    if "rows" in request.args:
        return previews.rows(place, entry.path)
    return render_template("file.html", place=place, entry=entry, preview=previews.preview(place, entry),
                           crumbs=list(_crumbs(place, entry.path)))  # fmt: skip


def _crumbs(place: FileRoot, path: str) -> Iterator[tuple[str, str]]:
    """Each folder on the way, with its address."""
    at = place.url
    for name in path.split("/") if path else ():
        at += f"/{name}"
        yield name, at
