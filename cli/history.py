"""Verbs that tell what was: events, compare."""

import time
from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from cli import output, settings
from cli.errors import CommandError

if TYPE_CHECKING:
    from flow.compare import Row
    from flow.world import ProjectView
    from schema.execution import Execution
    from state.git import GitRepository
    from state.log import EventRecord

Follow = Annotated[bool, typer.Option("-f", "--follow", help="go on until there is no more")]
EVERYTHING = 1_000_000


def add_to(app: typer.Typer) -> None:
    for verb in (events, compare):
        app.command()(verb)


def execution_of(view: "ProjectView", number: str) -> "Execution":
    """The execution of that number, or the newest. CommandError where there is none."""
    if not view.executions:
        raise CommandError(f"project {view.id!r} has no executions yet; `winslowctl describe {view.id}` says why")
    if not number:
        return view.executions[-1]
    found = view.execution(int(number)) if number.isdecimal() and len(number) < 10 else None
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
    from state.log import events as read

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
    from state.errors import StateError
    from state.log import events as read

    try:
        client.fetch()
    except StateError:
        return []
    return read(client, limit=EVERYTHING, since=last)


def _tell(found: "Iterable[EventRecord]") -> None:
    from runner.logs import clean

    for event in found:
        if output.one_line(asdict(event)):
            continue
        where = f"{event.project or ''}" + (f"/{event.execution}" if event.execution else "")
        by = event.by or event.node or ""
        parts = (event.time, event.event.ljust(10), where, event.stage or "", event.text, f"({by})" if by else "")
        print(" ".join(clean(part) for part in parts if part), flush=True)


def compare(
    left: Annotated[str, typer.Argument(metavar="PROJECT/N")],
    right: Annotated[str, typer.Argument(metavar="PROJECT/M")],
) -> None:
    """Two executions side by side: command, image, seconds, inputs, environment, values, metrics.

    Example: winslowctl compare crossing/3 crossing/8
    """
    from flow.compare import compare as side_by_side

    one, two = (_named_execution(name) for name in (left, right))
    rows = side_by_side(one, two)
    if not output.for_programs({"left": left, "right": right, "rows": [asdict(row) for row in rows]}):
        heads = ("", "NAME", output.shown(left), output.shown(right), "CHANGE")
        cells = [_cells(row) for row in rows if not _dull(row)]
        output.table(heads, cells)


def _dull(row: "Row") -> bool:
    """Nothing to learn from: neither has it."""
    return row.left in (None, "") and row.right in (None, "")


def _cells(row: "Row") -> list[str]:
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


def _long(row: "Row") -> bool:
    return row.same and len(str(row.left)) > 60


def _named_execution(name: str) -> "Execution":
    id, _, number = name.partition("/")
    if not number:
        raise CommandError(f"name an execution like {id}/3, not {name!r}", 2)
    return execution_of(settings.project(id)[2], number)
