"""Verb `reproduce`: the same again, and whether it comes out the same."""

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli import output, remote, settings
from cli.author import author
from cli.errors import CommandError
from cli.history import execution_of

if TYPE_CHECKING:
    from flow.model.snapshot import ProjectView, Snapshot
    from runner.store.manifest import Row
    from schema.execution import Execution
    from schema.pipeline import Pipeline
    from state.contract.repository import Edit
    from state.git.git_repository import GitRepository

LOOK_EVERY = 0.2
SHOWN = 20


def add_to(app: typer.Typer) -> None:
    app.command()(reproduce)


def reproduce(
    what: Annotated[str, typer.Argument(metavar="PROJECT/N", help="an execution that has succeeded")],
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="wait for the end and compare")] = True,
) -> None:
    """Run an execution again: same command, inputs, workspace and image by digest. Says whether the result is the same.

    It is a new chain, which pauses after the stage. Exit codes: 0 the same, byte for byte; 1 not.
    Example: winslowctl reproduce crossing/7
    """
    id, _, number = what.partition("/")
    client, snapshot, view = settings.project(id, live=True)
    record = execution_of(view, number)
    wish = _wish(client, snapshot, view, record)
    name = _ask(client, id, wish)
    if not wait:
        return
    again = _ended(client, id, name)
    differences = _differences(id, record, again)
    agrees = not differences
    value = {"project": id, "execution": record.execution, "again": again.execution, "agrees": agrees,
             "differences": differences}  # fmt: skip
    if not output.for_programs(value):
        print(f"{id}/{again.execution} is {'the same as' if agrees else 'not the same as'} {id}/{record.execution}")
        for line in differences[:SHOWN]:
            print(f"  {output.shown(line)}")
        if len(differences) > SHOWN:
            print(f"  and {len(differences) - SHOWN} more")
    raise typer.Exit(0 if agrees else 1)


def _wish(client: "GitRepository", snapshot: "Snapshot", view: "ProjectView", record: "Execution") -> dict[str, Any]:
    """CommandError where it would not be the same."""
    from runner.contract.images import repository
    from schema.execution import State
    from schema.file_input import plain

    if record.state is not State.SUCCEEDED or record.result is None:
        raise CommandError(f"execution {record.execution} has not succeeded, so there is nothing to compare with")
    definition = _definition(client, view, record)
    stage = definition.stage(record.stage)
    wish: dict[str, Any] = {
        "request": "start", "stage": record.stage, "then": "pause", "fresh": True,
        "comment": f"reproduce execution {record.execution}",
        "inputs": {name: plain(value) for name, value in record.inputs.items() if name in definition.inputs},
        "env": dict(record.env.get("request", {})),
    }  # fmt: skip
    if record.workspace.source is not None:
        changes = {"add": dict(record.workspace.add), "remove": list(record.workspace.remove)}
        wish["workspace"] = {"from": record.workspace.source, **{k: v for k, v in changes.items() if v}}
    elif (
        stage
        and stage.workspace == "incremental"
        and any(each.stage == record.stage and each.workspace.source is not None for each in view.executions)
    ):
        raise CommandError("it began with an empty workspace, the stage's last run did not: that cannot be asked for")
    if record.image and record.image.digest:
        wish["image"] = f"{repository(record.image.ref)}@{record.image.digest}"
    return {name: value for name, value in wish.items() if value not in ({}, None)}


def _definition(client: "GitRepository", view: "ProjectView", record: "Execution") -> "Pipeline":
    """The newest one, if it says of this stage what it said then."""
    from flow.reconcile.result_reuse import definition as digest

    now = view.pipeline
    stage = now.stage(record.stage) if now else None
    if now is None or stage is None:
        raise CommandError(f"the pipeline has no stage {record.stage!r} any more; pin its old definition with "
                           f"`winslowctl projects edit {view.id} --pipeline NAME@{record.wanted[:12]}`")  # fmt: skip
    if record.definition and digest(stage) != record.definition:
        raise CommandError(
            f"stage {stage.name!r} is defined otherwise now; `winslowctl projects edit {view.id} --pipeline "
            f"{now.name}@{record.wanted[:12]}` pins the definition of then"
        )
    return now


def _ask(client: "GitRepository", id: str, wish: dict[str, Any]) -> str:
    """The request's file name, once it is committed."""
    from state.edits.main import commit_edit, request_edit

    edits: list[Edit] = []

    def build(at: "Snapshot") -> "Edit":
        edits[:] = [request_edit(at, id, wish, author())]
        return edits[0]

    commit = commit_edit(client, build, sleep=time.sleep)
    path = next(iter(edits[0].files))
    if settings.CURRENT.output == "table":
        print(f"{commit}  {path}")
    return path.rpartition("/")[2]


def _ended(client: "GitRepository", id: str, request: str) -> "Execution":
    from state.contract.errors import StateError

    while True:
        try:
            view = client.fetch().projects[id]
        except StateError:
            time.sleep(1)
            continue
        reply = next((reply for reply in view.replies if reply.request == request), None)
        if reply and not reply.accepted:
            raise CommandError(f"it was rejected: {reply.text} [{reply.reason}]")
        mine = [each for each in view.executions if each.request == request and each.state.ended]
        newest = mine[-1] if mine else None
        if newest and not any(each.request == request and not each.state.ended for each in view.executions):
            return newest
        time.sleep(LOOK_EVERY)


def _differences(id: str, one: "Execution", two: "Execution") -> "list[str]":
    found = []
    if not two.result or two.state != one.state:
        return [f"it {two.state}: {two.reason or ''} {two.text}".strip()]
    if one.image and two.image and (one.image.digest, one.image.id) != (two.image.digest, two.image.id):
        found.append(f"the image: {one.image.digest or one.image.id} then, {two.image.digest or two.image.id} now")
    for name, value in one.inputs.items():
        if two.inputs.get(name) != value:
            found.append(f"input {name}: {value} then, {two.inputs.get(name)} now")
    assert one.result
    if one.result.values != two.result.values:
        found.append(f"values: {one.result.values} then, {two.result.values} now")
    if one.result.metrics != two.result.metrics:
        found.append(f"metrics: {one.result.metrics} then, {two.result.metrics} now")
    if one.result.manifest != two.result.manifest:
        found += _files(id, one, two)
    return found


def _files(id: str, one: "Execution", two: "Execution") -> list[str]:
    """Where neither this machine nor the nodes that ran them have them, only that they differ."""
    try:
        left, right = (_rows(remote.look(id, each.execution).rows.values()) for each in (one, two))
    except CommandError as error:
        then, now = (each.result and each.result.manifest for each in (one, two))
        return [f"the files: {then} then, {now} now (which of them: {error})"]
    names = sorted(path for path in left.keys() | right.keys() if left.get(path) != right.get(path))
    return [f"{path}: {left.get(path, 'not there')} then, {right.get(path, 'not there')} now" for path in names]


def _rows(rows: "Iterable[Row]") -> dict[str, str]:
    return {row.path: f"{row.value or row.kind.name.lower()}{' (program)' * (row.kind == 'x')}" for row in rows}
