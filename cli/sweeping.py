"""`sweep`: one request that runs a stage once for each combination of values."""

from typing import Annotated, Any

import typer

from cli.errors import CommandError
from cli.requests import Comment, Env, Force, Fresh, Project, Then, ask, fields_of


def add_to(app: typer.Typer) -> None:
    app.command()(sweep)


def sweep(
    project: Project,
    stage: Annotated[str, typer.Option("--stage", help="the stage to run for each combination")],
    input: Annotated[
        list[str],
        typer.Option("--input", help="NAME=A,B,C or NAME=FROM:TO:STEP, with --search also NAME=FROM:TO; repeatable"),
    ],
    search: Annotated[str, typer.Option("--search", help="random, halton or tpe: only --trials of them")] = "",
    by: Annotated[str, typer.Option("--by", help="with --search: the metric that trials are judged by")] = "",
    goal: Annotated[str, typer.Option("--goal", help="with --search: maximize or minimize")] = "maximize",
    trials: Annotated[int, typer.Option("--trials", help="with --search: how many", min=1, max=1000)] = 20,
    seed: Annotated[int, typer.Option("--seed", help="with --search: another one, other values", min=0)] = 0,
    most: Annotated[int | None, typer.Option("--max", help="so many at once", min=1)] = None,
    env: Env = None,
    then: Then = "continue",
    fresh: Fresh = False,
    comment: Comment = "",
    force: Force = False,
) -> None:
    """Run a stage once for each combination of input values, in one chain. Commits a start request.

    A range includes its end: 0.2:0.8:0.1 are seven values. The last input turns fastest. `compare` ranks what came out.
    With --search the values of each trial are proposed from what the recorded ones came to, by every node alike.
    Example: winslowctl sweep crossing --stage detect --input threshold=0.2:0.8:0.1 --input detector=mog2,median
    """
    if search:
        wish = {"request": "start", **fields_of(stage, None, env, then, comment)}
        space = dict(_range(item) for item in input)
        wish["search"] = _search(search, trials, most, by, goal, seed, space)
        ask(project, wish | ({"fresh": True} if fresh else {}), force)
        return
    matrix = dict(_list(item) for item in input)
    if len(matrix) < len(input):
        raise CommandError("an input is swept once: give all its values in one --input", 2)
    parallel: dict[str, Any] = {"matrix": matrix, **({"max": most} if most else {})}
    wish = {"request": "start", **fields_of(stage, None, env, then, comment), "parallel": parallel}
    ask(project, wish | ({"fresh": True} if fresh else {}), force)


def _search(
    method: str, trials: int, most: int | None, by: str, goal: str, seed: int, space: dict[str, Any]
) -> dict[str, Any]:
    if not by:
        raise CommandError("--search wants --by METRIC: what trials are judged by", 2)
    objective = {"metric": by, "goal": goal}
    found = {"method": method, "trials": trials, "parallel": most or 1, "objective": objective, "seed": seed}
    return {**found, "space": space}


def _range(item: str) -> tuple[str, dict[str, Any]]:
    """`NAME=FROM:TO` and `NAME=FROM:TO:STEP` are ranges, anything else is a list."""
    name, _, text = item.partition("=")
    parts = text.split(":")
    try:
        numbers = [float(part) for part in parts]
    except ValueError:
        numbers = []
    if len(numbers) in (2, 3):
        return name, dict(zip(("min", "max", "step"), numbers, strict=False))
    return name, {"options": _list(item)[1]}


def _list(item: str) -> tuple[str, list[Any]]:
    from schema.value_lists import listed

    try:
        return listed(item)
    except ValueError as error:
        raise CommandError(f"--input: {error}", 2) from None
