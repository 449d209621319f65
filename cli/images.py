"""Verb `images`: what nodes build from `images/` on `main`, whether it is built, and where it is."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli import commits, image_archives, output, settings
from cli.errors import CommandError

if TYPE_CHECKING:
    from flow.model.snapshot import ProjectView, Snapshot
    from schema.execution import Execution

Name = Annotated[str, typer.Argument(help="the folder's name below images/")]


def add_to(app: typer.Typer) -> None:
    group = typer.Typer(help="Images that nodes build from images/ on main.", no_args_is_help=True)
    for verb in (ls, show, build, rm):
        group.command()(verb)
    image_archives.add_to(group)
    app.add_typer(group, name="images")


def ls() -> None:
    """Every image with its newest tree: whether it is built, by whom, and what stages run.

    Example: winslowctl images ls
    """
    _, snapshot = settings.snapshot()
    rows = [_row(snapshot, name, tree) for name, tree in sorted(_newest(snapshot).items())]
    if output.for_programs(rows):
        return
    cells = [
        [output.shown(r["name"]), r["tree"][:12], output.state_word(r["state"]), output.shown(r["node"]),
         output.shown(r["build"]), output.shown(r["image"], 120)]
        for r in rows
    ]  # fmt: skip
    empty = "no images yet; commit images/NAME/Dockerfile, and let a stage say image: build/NAME"
    output.table(("IMAGE", "TREE", "STATE", "NODE", "BUILD", "RUNS"), cells, empty=empty)


def show(name: Name) -> None:
    """All builds of one image, the newest last.

    Example: winslowctl images show traffic
    """
    view, snapshot = _view()
    known = [each for each in view.executions if _name_of(each) == name]
    if not known and name not in _newest(snapshot):
        raise CommandError(f"there is no images/{name[:60]}/Dockerfile on main; `winslowctl images ls` lists them")
    rows = [_built_row(each) for each in known]
    if output.for_programs(rows):
        return
    cells = [
        [output.shown(r["build"]), r["tree"][:12], output.state_word(r["state"]), output.shown(r["node"]),
         output.shown(r["image"], 120), output.shown(r["bases"], 200)]
        for r in rows
    ]  # fmt: skip
    output.table(("BUILD", "TREE", "STATE", "NODE", "RUNS", "MADE FROM"), cells, empty="it was never built")


def build(name: Name) -> None:
    """Build an image again, also one that was built or could not be. Commits a request.

    Example: winslowctl images build traffic
    """
    from cli.requests import ask
    from schema.images import PROJECT, stage_name

    _, snapshot = _view()
    tree = _newest(snapshot).get(name)
    if tree is None:
        raise CommandError(f"there is no images/{name[:60]}/Dockerfile on main; `winslowctl images ls` lists them")
    ask(PROJECT, {"request": "resume", "stage": stage_name(name, tree)}, False)


def rm(name: Name) -> None:
    """Remove an image's folder from main. Chains that keep it still run it; nodes keep what they built.

    Example: winslowctl images rm traffic
    """

    def gone(snapshot: "Snapshot") -> dict[str, str | None]:
        if name not in _newest(snapshot):
            raise CommandError(f"there is no images/{name[:60]}/Dockerfile on main")
        return {f"images/{name}/": None}

    commits.commit(gone, f"Remove image {name}")


def _view() -> "tuple[ProjectView, Snapshot]":
    from schema.images import PROJECT

    _, snapshot = settings.snapshot()
    if PROJECT not in snapshot.projects:
        raise CommandError("no images yet; commit images/NAME/Dockerfile, and let a stage say image: build/NAME")
    return snapshot.projects[PROJECT], snapshot


def _newest(snapshot: "Snapshot") -> dict[str, str]:
    return dict(snapshot.images)


def _row(snapshot: "Snapshot", name: str, tree: str) -> dict[str, Any]:
    from flow.status.states import stage_states
    from schema.images import PROJECT, stage_name

    view = snapshot.projects[PROJECT]
    stage = stage_name(name, tree)
    state = next(each for each in stage_states(snapshot, view) if each.stage == stage)
    newest = next((each for each in reversed(view.executions) if each.stage == stage), None)
    row = _built_row(newest) if newest else {"build": None, "node": None, "image": None, "bases": None}
    return {**row, "name": name, "tree": tree, "state": state.state, "reason": state.reason and str(state.reason)}


def _built_row(record: "Execution") -> dict[str, Any]:
    from flow.model.builds import tree_of
    from schema.images import PROJECT

    values = record.result.values if record.result else {}
    return {
        "build": f"{PROJECT}/{record.execution}",
        "tree": tree_of(record),
        "state": str(record.state),
        "node": record.claim.node,
        "image": values.get("image") or values.get("id"),
        "bases": values.get("bases"),
    }


def _name_of(record: "Execution") -> str:
    from schema.images import built

    found = built(record.image.ref) if record.image else None
    return found[0] if found else ""
