"""Verbs that ask for something: each writes one request, as one commit on `main`, and prints it."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli import completion, settings
from cli.author import author
from cli.errors import CommandError
from cli.output import for_programs
from cli.region_files import specs_of, with_files
from cli.streams import standard_input

if TYPE_CHECKING:
    from flow.model.snapshot import ProjectView, Snapshot
    from state.contract.repository import Edit, Repository

Project = Annotated[str, typer.Argument(help="the project's id", metavar="PROJECT", autocompletion=completion.projects)]
Stage = Annotated[str, typer.Option("--stage", help="the stage to begin with; default: where the project stands")]
Asking = Annotated[str, typer.Option("--stage", help="the stage that asks; default: the one that does")]
Inputs = Annotated[
    list[str] | None,
    typer.Option("--input", help="NAME=VALUE, for this chain; a region also NAME=@FILE; may be repeated"),
]
Env = Annotated[list[str] | None, typer.Option("--env", help="NAME=VALUE in the stages' environment")]
Then = Annotated[str, typer.Option("--then", help="continue, or pause after the stage")]
From = Annotated[int, typer.Option("--from", help="build on what this execution left", metavar="N")]
Add = Annotated[list[str] | None, typer.Option("--add", help="PATH=DIGEST of a file that `files put` stored")]
Remove = Annotated[list[str] | None, typer.Option("--remove", help="a path of --from's files to leave out")]
Fresh = Annotated[bool, typer.Option("--fresh", help="run stages with `cache: true` too, whatever ran before")]
Comment = Annotated[str, typer.Option("--comment", help="why; kept with the request")]
Force = Annotated[bool, typer.Option("--force", help="ask even if it would be rejected now")]


def add_to(app: typer.Typer) -> None:
    for verb in (start, redo, resume, answer, pause, abort, skip, comment):
        app.command()(verb)


def start(
    project: Project, stage: Stage = "", input: Inputs = None, env: Env = None, then: Then = "continue",
    comment: Comment = "", force: Force = False,
) -> None:  # fmt: skip
    """Start a chain, at a stage or where the project stands. Commits a request.

    Example: winslowctl start crossing --input threshold=0.4 --comment "second try"
    """
    ask(project, {"request": "start", **fields_of(stage, input, env, then, comment)}, force)


def redo(
    project: Project,
    stage: Annotated[str, typer.Option("--stage", help="the stage to do again")],
    source: From = 0, add: Add = None, remove: Remove = None,
    input: Inputs = None, env: Env = None, then: Then = "continue", fresh: Fresh = False,
    comment: Comment = "", force: Force = False,
) -> None:  # fmt: skip
    """Do a stage again with other settings, and what follows it. Earlier results stay. Commits a start request.

    Example: winslowctl redo crossing --stage detect --input threshold=0.35
    """
    wish = {"request": "start", **fields_of(stage, input, env, then, comment), **({"fresh": True} if fresh else {})}
    ask(project, wish | _workspace(source, add, remove), force)


def resume(
    project: Project, stage: Stage = "", source: From = 0, add: Add = None, remove: Remove = None,
    input: Inputs = None, env: Env = None, then: Then = "continue",
    comment: Comment = "", force: Force = False,
) -> None:  # fmt: skip
    """Go on where the chain stopped: the next stage, the failed one, or a named one. Commits a request.

    Example: winslowctl resume crossing
    """
    wish = {"request": "resume", **fields_of(stage, input, env, then, comment)}
    if text := kept_definition(ask(project, wish | _workspace(source, add, remove), force)):
        settings.warn(text)


def _workspace(source: int, add: list[str] | None, remove: list[str] | None) -> dict[str, Any]:
    if not source:
        if add or remove:
            raise CommandError("--add and --remove change what an execution left: name it with --from N", 2)
        return {}
    changes = {"add": settings.pairs(add, "add"), "remove": list(remove or ())}
    return {"workspace": {"from": source, **{name: value for name, value in changes.items() if value}}}


def answer(
    project: Project, input: Inputs = None, stage: Asking = "", comment: Comment = "", force: Force = False
) -> None:
    """Answer what a manual stage asks. Values are checked before anything is committed.

    Example: winslowctl answer crossing --input keep=true
    """
    ask(project, {"request": "answer", **fields_of(stage, input, None, "continue", comment)}, force)


def pause(project: Project, comment: Comment = "", force: Force = False) -> None:
    """Stop before the next stage; what runs goes on. `resume` takes it back. Commits a request.

    Example: winslowctl pause crossing
    """
    ask(project, {"request": "pause", **fields_of("", None, None, "continue", comment)}, force)


def abort(
    project: Annotated[str, typer.Argument(help="the project, or one execution or point of it", metavar="PROJECT[/N]")],
    execution: Annotated[int, typer.Option("--execution", help="which one; default: all that runs", metavar="N")] = 0,
    comment: Comment = "",
    force: Force = False,
) -> None:
    """End what runs: it counts as failed, and the project, or the branch of one execution, pauses. Commits a request.

    Example: winslowctl abort crossing     winslowctl abort crossing/detect.2
    """
    wish = {"request": "abort", **fields_of("", None, None, "continue", comment)}
    project, _, part = project.partition("/")
    settings.checked_name(project, "project")
    if part and not part.isdecimal():
        ask(project, {**wish, "stage": part}, force)
        return
    _, _, view = settings.project(project, live=True)
    running = [e.execution for e in view.executions if not e.state.ended]
    number = execution or int(part or 0) or (running[0] if len(running) == 1 else 0)
    ask(project, {**wish, "execution": number} if number else wish, force)


def skip(
    project: Project,
    stage: Annotated[str, typer.Option("--stage", help="the stage to leave out")],
    comment: Comment = "",
    force: Force = False,
) -> None:
    """Leave a stage out: it counts as done, without a result. Commits a request.

    Example: winslowctl skip crossing --stage clean
    """
    ask(project, {"request": "skip", **fields_of(stage, None, None, "continue", comment)}, force)


def fields_of(stage: str, inputs: list[str] | None, env: list[str] | None, then: str, comment: str) -> dict[str, Any]:
    if then not in ("continue", "pause"):
        raise CommandError(f"--then takes continue or pause, not {then[:20]!r}", 2)
    fields: dict[str, Any] = {}
    if stage:
        fields["stage"] = stage
    if then != "continue":
        fields["then"] = then
    if inputs:
        fields["inputs"] = settings.pairs(inputs, "input")
    if env:
        fields["env"] = settings.pairs(env, "env")
    if comment:
        fields["comment"] = comment
    return fields


def comment(
    target: Annotated[str, typer.Argument(metavar="PROJECT[/N]", help="the project, or one of its executions")],
    text: Annotated[str, typer.Argument(help="what is said; - reads it from standard input")],
) -> None:
    """Say something of a project or an execution, for people; nothing else follows from it. Commits it.

    Example: winslowctl comment crossing/1 "shadows at the left edge count as cars"
    """
    from schema.codec import MAX_BYTES as MOST_BYTES
    from state.edits.comments import CannotComment, checked, comment_edit

    project, _, number = target.partition("/")
    settings.checked_name(project, "project")
    text = standard_input(MOST_BYTES) if text == "-" else text
    client, snapshot, _ = settings.project(project, live=True)
    if number and not (number.isdecimal() and len(number) < 10):
        raise CommandError(f"an execution is PROJECT/N with a number, not {target[:80]!r}", 2)
    try:
        fields = checked(snapshot, project, {"comment": text, "execution": int(number or 0)})
    except CannotComment as error:
        raise CommandError(str(error)) from None
    _committed(client, lambda snapshot: comment_edit(snapshot, project, fields, author()))


def kept_definition(view: "ProjectView") -> str:
    """What has to be known where the pipeline was changed since the chain began: a chain keeps its definition."""
    from flow.project.replies import steps_of
    from schema.pipeline import explicit

    if view.pipeline is None or view.definition is None or explicit(view.pipeline) == explicit(view.definition):
        return ""
    stage = steps_of(view).stage or view.definition.stages[0].name
    known = stage if view.pipeline.stage(stage) else view.pipeline.stages[0].name
    return (
        f"pipeline {view.pipeline.name} was changed since this chain began, and a chain keeps its definition; "
        f"`winslowctl redo {view.id} --stage {known}` takes the new one"
    )


def ask(project: str, wish: dict[str, Any], force: bool = False) -> "ProjectView":
    """Commit the request, after judging it as a node would; print the commit. What it was judged on."""
    from state.edits.main import request_edit

    settings.checked_name(project, "project")
    client, _, view = settings.project(project, live=True)
    if "inputs" in wish:
        wish = {**wish, "inputs": with_files(wish["inputs"], specs_of(view.pipeline, view.definition))}
    fitted = wish if force else _judged(view, wish)
    _committed(client, lambda snapshot: request_edit(snapshot, project, fitted, author()))
    return view


def _committed(client: "Repository", made: Callable[["Snapshot"], "Edit"]) -> None:
    """Commit what is made of the newest snapshot; print the commit and its file."""
    from state.edits.main import commit_edit

    edits: list[Edit] = []

    def build(snapshot: "Snapshot") -> "Edit":
        edits[:] = [made(snapshot)]
        return edits[0]

    commit = commit_edit(client, build, sleep=time.sleep)
    path = next(iter(edits[0].files))
    if not for_programs({"commit": commit, "path": path}):
        print(f"{commit}  {path}")


def _judged(view: "ProjectView", wish: dict[str, Any]) -> dict[str, Any]:
    from flow.project.precheck import WouldBeRejected, judged

    try:
        return judged(view, wish)
    except WouldBeRejected as error:
        text = error.text.replace("the project is paused all the same", f"`winslowctl pause {view.id}` pauses it")
        raise CommandError(f"{text} [{error.reason}]; nothing was committed (--force asks all the same)") from None
