"""Verbs that tell what was: events, compare."""

import time
from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from cli import output, settings
from cli.errors import CommandError

if TYPE_CHECKING:
    from flow.model.snapshot import ProjectView
    from flow.status.compare import ComparisonRow
    from schema.execution import Execution
    from state.git.git_repository import GitRepository
    from state.history.events import EventRecord

Follow = Annotated[bool, typer.Option("-f", "--follow", help="go on until there is no more")]
EVERYTHING = 1_000_000


def add_to(app: typer.Typer) -> None:
    for verb in (events, compare):
        app.command()(verb)


def execution_of(view: "ProjectView", number: str) -> "Execution":
    """The execution of that number, the newest of that stage or point (`detect.2`), or the newest. CommandError."""
    if not view.executions:
        raise CommandError(f"project {view.id!r} has no executions yet; `winslowctl describe {view.id}` says why")
    if not number:
        return view.executions[-1]
    found = view.execution(int(number)) if number.isdecimal() and len(number) < 10 else None
    if found is None and not number.isdecimal():
        found = next((e for e in reversed(view.executions) if number in (e.slot, e.stage)), None)
    if found is None:
        raise CommandError(f"there is no execution {number[:20]!r} of {view.id!r}; it has 1 to {view.last_execution}")
    return found


def events(
    follow: Follow = False,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="at most so many, the newest")] = 200,
    project: Annotated[str, typer.Option("--project", help="only of this project")] = "",
) -> None:
    """What happened, oldest first: the commits of winslow/state. With -f and -o json one object a line.

    With -f a server that is away is asked again, and only Ctrl-C ends it (exit code 130).
    Example: winslowctl events -f --project crossing
    """
    from state.history.events import events as read

    client, snapshot = settings.snapshot()
    every = read(client, limit=limit if not project else EVERYTHING)
    found = [e for e in every if not project or e.project == project][-limit:]
    if project and not found:
        settings.project_of(snapshot, project)  # one that is gone still has its events
    if not follow and output.for_programs([asdict(e) for e in found]):
        return
    _tell(found)
    last = every[-1].commit if every else None
    while follow:
        time.sleep(0.5)
        newer = _newer(client, last)
        last = newer[-1].commit if newer else last
        _tell([e for e in newer if not project or e.project == project])


def _newer(client: "GitRepository", last: str | None) -> "list[EventRecord]":
    """A server that is away is asked again."""
    from state.contract.errors import StateError
    from state.history.events import events as read

    try:
        client.fetch()
    except StateError:
        return []
    return read(client, limit=EVERYTHING, since=last)


def _tell(found: "Iterable[EventRecord]") -> None:
    from runner.logs.log_file import clean

    for event in found:
        if output.one_line(asdict(event)):
            continue
        where = f"{event.project or ''}" + (f"/{event.execution}" if event.execution else "")
        by = event.by or event.node or ""
        parts = (event.time, event.event.ljust(10), where, event.stage or "", event.text, f"({by})" if by else "")
        print(" ".join(clean(part) for part in parts if part), flush=True)


def compare(
    left: Annotated[str, typer.Argument(metavar="PROJECT[/N]")],
    right: Annotated[str, typer.Argument(metavar="PROJECT/M")] = "",
    stage: Annotated[str, typer.Option("--stage", help="all runs of this stage, of a matrix of each point")] = "",
    by: Annotated[str, typer.Option("--by", help="the metric or value to rank by, the largest first")] = "",
    lowest: Annotated[bool, typer.Option("--lowest", help="with --by: the smallest first")] = False,
    every: Annotated[bool, typer.Option("--all", help="with --stage: also runs that were done again since")] = False,
) -> None:
    """Two executions side by side, or all runs of a stage: what differs in settings, values and metrics.

    Example: winslowctl compare crossing/3 crossing/8     winslowctl compare crossing --stage detect --by mota
    """
    from flow.status.compare import compare as side_by_side

    if stage:
        _compare_runs(left, stage, by, lowest, every)
        return
    if not right or by or lowest or every:
        raise CommandError("name two executions, or one project and --stage; --by, --lowest and --all need --stage", 2)
    one, two = (_named_execution(name) for name in (left, right))
    rows = side_by_side(one, two)
    if not output.for_programs({"left": left, "right": right, "rows": [asdict(row) for row in rows]}):
        heads = ("GROUP", "NAME", output.shown(left), output.shown(right), "CHANGE")
        cells = [_cells(row) for row in rows if not _dull(row)]
        output.table(heads, cells)


def _compare_runs(project: str, stage: str, by: str, lowest: bool, every: bool) -> None:
    from flow.status.compare_points import NoSuchMeasure, compared, runs_of, told

    view = settings.project(project)[2]
    runs = runs_of(view, stage, every=every)
    if not runs:
        raise CommandError(f"stage {stage[:60]!r} of {project!r} has no executions; `winslowctl describe {project}`")
    try:
        rows = told(compared(runs, by=by, lowest=lowest))
    except NoSuchMeasure as error:
        raise CommandError(str(error)) from None
    if output.for_programs(rows):
        return
    heads = list(rows[0])
    own = ("execution", "slot", "state", "seconds")  # the others are people's names
    output.table(
        [head.upper() if head in own else output.shown(head) for head in heads],
        [[_shown(row[head]) for head in heads] for row in rows],
    )


def _shown(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else output.shown(value)


def _dull(row: "ComparisonRow") -> bool:
    """Nothing to learn from: neither has it."""
    return row.left in (None, "") and row.right in (None, "")


def _cells(row: "ComparisonRow") -> list[str]:
    mark = "dim" if row.same else "bold"
    change = "" if row.change in (None, 0.0) else f"{row.change:+g}"
    percent = f" ({row.percent:+.1f}%)" if row.percent and row.change else ""
    return [
        row.group,
        output.shown(row.name),
        f"[{mark}]{output.shown(row.left, 60 if row.same else 200)}[/]",
        f"[{mark}]{'same' if _long(row) else output.shown(row.right)}[/]",
        change + percent,
    ]


def _long(row: "ComparisonRow") -> bool:
    return row.same and len(str(row.left)) > 60


def _named_execution(name: str) -> "Execution":
    id, _, number = name.partition("/")
    if not number:
        raise CommandError(f"name an execution like {id}/3, not {name!r}", 2)
    return execution_of(settings.project(id)[2], number)
