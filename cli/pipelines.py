"""Pipelines: see, make, change, delete. Each change is one commit on `main`."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli import completion, output, settings
from cli.commits import commit
from cli.errors import CommandError
from cli.streams import standard_input
from cli.words import Verbs

if TYPE_CHECKING:
    from schema.pipeline import Pipeline

Name = Annotated[str, typer.Argument(metavar="NAME", autocompletion=completion.pipelines)]

Definition = Annotated[Path, typer.Argument(help="the definition; - reads it from standard input", metavar="FILE")]


def add_to(app: typer.Typer) -> None:
    group = typer.Typer(
        cls=Verbs, no_args_is_help=True, help="Pipelines. Example: winslowctl pipelines put traffic.yaml"
    )
    verbs: dict[str, Callable[..., None]] = {
        "ls": pipelines_ls,
        "show": pipelines_show,
        "put": pipelines_put,
        "rm": pipelines_rm,
    }
    for name, verb in verbs.items():
        group.command(name)(verb)
    app.add_typer(group, name="pipelines")


def pipelines_ls() -> None:
    """All pipelines in force.

    Example: winslowctl pipelines ls
    """
    _, snapshot = settings.snapshot()
    used: dict[str, int] = {}
    for view in snapshot.projects.values():
        if view.project:
            name = view.project.pipeline.partition("@")[0]
            used[name] = used.get(name, 0) + 1
    rows: list[dict[str, Any]] = [
        {
            "pipeline": p.name,
            "stages": [s.name for s in p.stages],
            "projects": used.get(p.name, 0),
            "description": p.description,
        }
        for p in snapshot.pipelines.values()
    ]
    if not output.for_programs(rows):
        cells = [
            [
                output.shown(r["pipeline"]),
                output.shown(" → ".join(r["stages"])),
                str(r["projects"]),
                output.shown(r["description"]),
            ]
            for r in rows
        ]
        output.table(
            ("PIPELINE", "STAGES", "PROJECTS", "DESCRIPTION"), cells, empty="no pipelines; `pipelines put FILE`"
        )


def pipelines_show(
    name: Name,
    resolved: Annotated[
        bool,
        typer.Option("--resolved", help="with all that it includes, extends and takes by default, as chains keep it"),
    ] = False,
) -> None:
    """The definition of a pipeline, as it stands on main.

    Example: winslowctl pipelines show traffic     winslowctl pipelines show traffic --resolved
    """
    from schema import layout
    from schema.codec import dump
    from schema.documents import tidy

    client, snapshot = settings.snapshot()
    text = client.read_main(layout.pipeline(settings.checked_name(name, "pipeline")))
    if text is None:
        raise CommandError(f"there is no pipeline {name!r}; `winslowctl pipelines ls` lists them")
    if resolved and name not in snapshot.pipelines:
        said = [each.text for each in snapshot.problems if each.path == layout.pipeline(name)]
        raise CommandError("\n".join(said) or f"pipeline {name!r} cannot be read")
    if resolved:
        text = dump(tidy(snapshot.pipelines[name]))
    if not output.for_programs(tidy(snapshot.pipelines[name]) if name in snapshot.pipelines else {"text": text}):
        print(output.safe(text), end="")


def pipelines_put(file: Definition) -> None:
    """Make or change a pipeline, after validating it. Commits pipelines/<name>.yaml.

    Example: winslowctl pipelines put traffic.yaml
    """
    from schema import layout

    text = _text(file)
    pipeline = _checked(text, str(file))
    _whole(text, str(file), pipeline)
    commit(lambda _: {layout.pipeline(pipeline.name): text}, f"Put pipeline {pipeline.name}")


def _text(file: Path) -> str:
    from schema.codec import MAX_BYTES

    if str(file) == "-":
        return standard_input(MAX_BYTES)
    try:
        with file.open("rb") as opened:
            return opened.read(MAX_BYTES + 1).decode()
    except OSError as error:
        raise CommandError(f"{file}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise CommandError(f"{file}: not UTF-8 text ({error.reason} at byte {error.start})") from None


def _checked(text: str, file: str) -> "Pipeline":
    """DocumentError or CommandError with every problem as file:line:col: what."""
    from cli.validate import pipeline_problems, refuse
    from schema.binding import bind
    from schema.codec import load
    from schema.pipeline import Pipeline

    parsed = load(text, file)
    pipeline = bind(Pipeline, parsed)
    refuse(pipeline_problems(parsed, pipeline, pipeline.name))
    return pipeline


def _whole(text: str, file: str, pipeline: "Pipeline") -> None:
    """CommandError where it cannot be put together with what it includes from this `main`."""
    from flow.definition.includes import BadInclude, resolved
    from schema.codec import load

    if not pipeline.include:
        return
    _, snapshot = settings.snapshot()
    known = {**snapshot.pipelines, pipeline.name: pipeline}
    try:
        resolved(pipeline, lambda name, ref: known.get(name))
    except BadInclude as error:
        raise CommandError(str(load(text, file).problem(("include", error.at), f"include: {error}"))) from None


def pipelines_rm(name: Name) -> None:
    """Delete a pipeline. Its projects go on with the definition they keep.

    Example: winslowctl pipelines rm traffic
    """
    from schema import layout

    path = layout.pipeline(settings.checked_name(name, "pipeline"))
    client, _ = settings.snapshot()
    if client.read_main(path) is None:
        raise CommandError(f"there is no pipeline {name!r}")
    commit(lambda _: {path: None}, f"Remove pipeline {name}")
