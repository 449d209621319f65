"""What triggers want as one commit on `main`, built on the newest snapshot: what is there already is left out."""

from collections.abc import Mapping, Sequence
from typing import Any

from flow.model.snapshot import Snapshot
from flow.triggers.firings import Firing, done, filled, project_of, request_of
from schema import codec, layout
from schema.binding import read
from schema.errors import SchemaError
from schema.project import Project
from schema.request import Request
from schema.trigger import Trigger
from state.contract.commit_message import said
from state.contract.errors import StateError
from state.contract.repository import Edit
from state.edits.projects import CannotMake, Files, typed

MOST = 1000
"""Projects or starts of one commit."""


class NothingLeft(StateError):
    """All of it was made by others meanwhile, but for what cannot be made: of that `wrong` says why."""

    def __init__(self, wrong: Mapping[Firing, str]) -> None:
        super().__init__("; ".join(wrong.values()) or "it is made already")
        self.wrong = wrong


def trigger_edit(snapshot: Snapshot, firings: Sequence[Firing]) -> tuple[Edit, dict[Firing, str]]:
    """The commit, and why some of it cannot be made. NothingLeft."""
    files: Files = {}
    wrong: dict[Firing, str] = {}
    made: list[Firing] = []
    for firing in firings:
        trigger = snapshot.triggers.get(firing.trigger)
        if trigger is None or not trigger.enabled or done(snapshot, trigger, firing):
            continue
        try:
            files |= files_of(snapshot, trigger, firing)
            made.append(firing)
        except (CannotMake, SchemaError) as error:
            wrong[firing] = str(error)
    if not made:
        raise NothingLeft(wrong)
    return Edit(files, _message(made), f"trigger {made[0].trigger} <winslow@winslow.invalid>"), wrong


def files_of(snapshot: Snapshot, trigger: Trigger, firing: Firing) -> Files:
    """CannotMake, DocumentError."""
    return _start(snapshot, trigger, firing) if trigger.start else _project(snapshot, trigger, firing)


def _start(snapshot: Snapshot, trigger: Trigger, firing: Firing) -> Files:
    assert trigger.start
    view = snapshot.projects.get(trigger.start.project)
    if view is None or view.project is None or view.deletion:
        raise CannotMake(f"there is no project {trigger.start.project!r} that it could start")
    wish: dict[str, Any] = {"request": "start", **_spoken(trigger.start, firing)}
    del wish["project"]
    wish["comment"] = "\n\n".join(text for text in (wish.get("comment", ""), _because(firing)) if text)
    text = codec.dump(wish)
    path = layout.request(trigger.start.project, request_of(firing))
    read(Request, text, path)
    return {path: text}


def _project(snapshot: Snapshot, trigger: Trigger, firing: Firing) -> Files:
    assert trigger.create
    id, fields = project_of(firing), _spoken(trigger.create, firing)
    start = fields.pop("start", True)
    fields["description"] = "\n\n".join(text for text in (fields.get("description", ""), _because(firing)) if text)
    text = codec.dump({**fields, **typed(snapshot, fields)})
    read(Project, text, layout.project(id))
    files: Files = {layout.project(id): text}
    if start:
        files[layout.request(id, layout.request_name(1, "start"))] = codec.dump({"request": "start"})
    return files


def _spoken(made: Any, firing: Firing) -> dict[str, Any]:
    return dict(filled(made.model_dump(mode="json", exclude_defaults=True), firing))


def _because(firing: Firing) -> str:
    return f"by trigger {firing.trigger}: {firing.said}"


def _message(made: Sequence[Firing]) -> str:
    names = ", ".join(dict.fromkeys(each.trigger for each in made))
    what = made[0].said if len(made) == 1 else f"{len(made)} times"
    return f"trigger {names}: {said(what)}\n"
