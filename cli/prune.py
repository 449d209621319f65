"""Verb `prune`: what retention lets go of on this machine, shown or done."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli import output, settings
from cli.errors import CommandError

if TYPE_CHECKING:
    from flow.reconcile.retention import Drop
    from flow.reconcile.retention_reasons import Kept
    from runner.store.workspaces import Workspaces

HEADS = ("EXECUTION", "WHAT", "BYTES", "WHY")
SHOWN = 40
"""So many of what may not go are shown to people."""


def add_to(app: typer.Typer) -> None:
    app.command()(prune)


def prune(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only show it")] = False,
    pressure: Annotated[
        int, typer.Option("--pressure", min=0, max=3, help="as on a disk that is too full: 1 to 3, each takes more")
    ] = 0,
) -> None:
    """Drop what retention need not keep on this machine: workspaces and full logs; records stay. A node does so itself.

    With --pressure it also says what may not go, the largest first, and why.
    Example: winslowctl prune --dry-run     winslowctl prune --pressure 3 --dry-run
    """
    from controller.housekeeping.retention import on_disk, size_of, sole, spoken_of_in
    from controller.journal.journal import JournalError
    from flow.reconcile.retention import asked_for, drops
    from flow.reconcile.retention_reasons import kept
    from runner.store.workspaces import Workspaces

    data = settings.data().absolute()
    if not (data / "store").is_dir():
        raise CommandError(f"no node has worked in {data}; give --data of one")
    _, snapshot = settings.snapshot(live=True)
    try:
        disk = on_disk(data, spoken_of_in(data))
        found = drops(snapshot, disk, pressure)
    except JournalError as error:
        raise CommandError(f"{error}; if a node works here, try again") from None
    workspaces = Workspaces(data)
    rows = [_row(drop, size_of(data, drop, workspaces)) for drop in found]
    staying = kept(snapshot, disk, found, pressure) if pressure else ()
    stay = [_row(each, size_of(data, each, workspaces), goes=False) for each in staying]
    stay.sort(key=lambda row: -row["bytes"])
    if not dry_run:
        with sole(data) as alone:
            _let_go(data, found, asked_for(snapshot), alone)
    if output.for_programs(rows + stay):
        return
    output.table(HEADS, [_cells(row) for row in rows], empty="nothing to drop")
    if stay:
        more = f", here the {SHOWN} largest" if len(stay) > SHOWN else ""
        total = sum(row["bytes"] for row in stay)
        output.line(f"\nWhat may not go: {len(stay)} workspaces and logs, {total:,} bytes{more}")
        output.table(HEADS, [_cells(row) for row in stay[:SHOWN]])


def _cells(row: dict[str, Any]) -> list[str]:
    return [f"{row['project']}/{row['execution']}", row["what"], f"{row['bytes']:,}", output.shown(row["why"])]


def _let_go(data: Path, found: "tuple[Drop, ...]", wanted: frozenset[str] | None, alone: bool) -> None:
    """Beside a running node its objects go when that finds nobody at work on them."""
    from controller.housekeeping.retention import let_go

    workspaces = _owned(data)
    workspaces.wanted = wanted
    for drop in found:
        let_go(data, workspaces, drop)
    if alone:
        workspaces.collect()


def _owned(data: Path) -> "Workspaces":
    """As their owner has them: objects and notes keep it."""
    from runner.store.workspaces import Workspaces

    found = (data / "store").stat()
    return Workspaces(data, (found.st_uid, found.st_gid))


def _row(drop: "Drop | Kept", size: int, *, goes: bool = True) -> dict[str, Any]:
    return {
        "project": drop.project,
        "execution": drop.execution,
        "what": drop.what,
        "bytes": size,
        "why": drop.why,
        "goes": goes,
    }
