"""Projects as people make and change them: the files of one commit, judged before they are sent."""

from typing import Any

from flow.model.snapshot import Snapshot
from schema import codec, layout
from schema.asked_later import fit_inputs
from schema.binding import read
from schema.inputs import InputError
from schema.project import Project
from schema.suggest import did_you_mean
from state.contract.errors import StateError
from state.edits.main import next_request_name
from state.edits.nodes import edited

Files = dict[str, str | None]


class CannotMake(StateError):
    """The project cannot be made or changed like this; the text says what to do."""


def created(snapshot: Snapshot, id: str, fields: dict[str, Any], *, start: bool = False) -> Files:
    """A new project, with its start if that is asked for. CannotMake, DocumentError."""
    view = snapshot.projects.get(id)
    if view and view.project and not view.deletion:
        raise CannotMake(f"project {id!r} exists; `winslowctl projects edit {id}` changes it")
    said = {key: value for key, value in fields.items() if value not in ("", [], {}, None)}
    text = codec.dump({**said, **typed(snapshot, said)})
    read(Project, text, layout.project(id))
    made: Files = {layout.project(id): text}
    if start:
        made[layout.request(id, next_request_name(view, "start"))] = codec.dump({"request": "start"})
    return made


def changed(snapshot: Snapshot, id: str, text: str | None, changes: dict[str, Any], inputs: dict[str, Any]) -> Files:
    """The project's file with other values; comments and order stay. CannotMake, DocumentError."""
    path = layout.project(id)
    if text is None:
        raise CannotMake(f"project {id!r} is deleted")
    present = read(Project, text, path)
    fields = {"pipeline": changes.get("pipeline", present.pipeline), "inputs": inputs}
    fitted = typed(snapshot, fields)
    fresh = edited(text, {**changes, **({"inputs": fitted.get("inputs", inputs)} if inputs else {})})
    read(Project, fresh, path)
    return {path: fresh}


def differing(present: Project | None, wanted: dict[str, Any]) -> dict[str, Any]:
    """Of the wanted values those that the project does not have yet."""
    now = present.model_dump(mode="json") if present else {}
    return {key: value for key, value in wanted.items() if key not in now or value != now[key]}


def deleted(id: str, *, now: bool) -> tuple[Files, str]:
    """The files, and the message of the commit. `now`: without the time in which it can be restored."""
    trailer = "\n\nWinslow-Delete: now\n" if now else "\n"
    return {f"projects/{id}/": None}, f"Delete project {id}{trailer}"


def typed(snapshot: Snapshot, fields: dict[str, Any]) -> dict[str, Any]:
    """Inputs as their pipeline types them. CannotMake for an unknown pipeline or a value that does not fit."""
    name, _, pinned = str(fields.get("pipeline", "")).partition("@")
    known = snapshot.pipelines.get(name)
    if known is None:
        if pinned:
            return {}
        hint = did_you_mean(name, list(snapshot.pipelines))
        raise CannotMake(f"there is no pipeline {name!r}{hint}; `winslowctl pipelines ls` lists them")
    if not fields.get("inputs"):
        return {}
    try:
        return {"inputs": fit_inputs(known, fields["inputs"])}
    except InputError as error:
        raise CannotMake(str(error)) from None
