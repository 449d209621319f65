"""`usage`: what ended executions took of the machines, added up from the records."""

import time
from typing import Annotated, Any

import typer

from cli import output, settings
from cli.errors import CommandError
from cli.ps import At

KINDS = ("person", "project", "tag", "node")


def add_to(app: typer.Typer) -> None:
    app.command()(usage)


def usage(
    by: Annotated[str, typer.Option("--by", help="person, project, tag or node")] = "person",
    since: Annotated[str, typer.Option("--since", help="what ended since a time (UTC), or an age like 30d")] = "",
    at: At = "",
) -> None:
    """Hours, core-hours and GPU-hours that ended executions took.

    Example: winslowctl usage --since 30d     winslowctl usage --by node -o csv
    """
    from flow.order.accounting import usage as added_up
    from state.history.at_time import moment

    if by not in KINDS:
        raise CommandError(f"--by takes {', '.join(KINDS)}, not {by[:20]!r}", 2)
    snapshot = settings.snapshot_at(at)
    begin = moment(since, time.time()) if since else 0.0
    found = added_up(snapshot.projects.values(), by, begin)  # type: ignore[arg-type]
    rows: list[dict[str, Any]] = [
        {
            by: each.name, "executions": each.executions, "hours": round(each.hours, 3),
            "core_hours": round(each.core_hours, 3), "gpu_hours": round(each.gpu_hours, 3),
        }
        for each in found
    ]  # fmt: skip
    if output.for_programs(rows):
        return
    hours = ("hours", "core_hours", "gpu_hours")
    cells = [[output.shown(row[by]), str(row["executions"]), *(f"{row[each]:.2f}" for each in hours)] for row in rows]
    heads = (by.upper(), "EXECUTIONS", "HOURS", "CORE-HOURS", "GPU-HOURS")
    output.table(heads, cells, empty="nothing has ended yet")
