"""`queue` and `shares`: who goes first, and why. What nodes decide by, computed from the repository."""

from typing import TYPE_CHECKING, Any

import typer

from cli import output, settings
from cli.ps import At

if TYPE_CHECKING:
    from flow.model.snapshot import Snapshot
    from flow.order.waiting import QueuePlace


def add_to(app: typer.Typer) -> None:
    app.command()(queue)
    app.command()(shares)


def queue(at: At = "") -> None:
    """What waits, in the order in which it is taken, and why it does not run yet.

    Example: winslowctl queue     winslowctl queue -o json     winslowctl queue --at 2h
    """
    from flow.order.waiting import order
    from flow.project.active import open_views

    snapshot = settings.snapshot_at(at)
    rows = [_place(snapshot, place, n) for n, place in enumerate(order(snapshot, open_views(snapshot)), 1)]
    if output.for_programs(rows):
        return
    heads = ("PLACE", "STAGE", "ACCOUNT", "PRIORITY", "SCORE", "WAITS", "WHY")
    output.table(heads, [_cells(row) for row in rows], empty="nothing waits")


def _place(snapshot: "Snapshot", place: "QueuePlace", number: int) -> dict[str, Any]:
    from flow.order.ledger import ledger
    from flow.status.states import queued

    waiter = place.waiter
    view = snapshot.projects[waiter.project]
    why, could = queued(snapshot, view, waiter.slot)
    waits = max(ledger(snapshot).now - waiter.since, 0) if waiter.since else None
    return {
        "place": number,
        "project": waiter.project,
        "stage": waiter.slot.name,
        "account": place.account,
        "priority": place.priority,
        "own_priority": waiter.priority,
        "score": place.score,
        "hours": waits,
        "reason": str(why.reason),
        "text": why.text,
        "could_run_on": list(could),
    }


def _cells(row: dict[str, Any]) -> list[str]:
    lifted = f" ({row['own_priority']})" if row["priority"] != row["own_priority"] else ""
    return [
        str(row["place"]), f"{row['project']}/{row['stage']}", output.shown(row["account"]),
        f"{row['priority']}{lifted}", f"{row['score'] / 1e9:.2f}", "" if row["hours"] is None else f"{row['hours']} h",
        output.shown(f"{row['reason']}: {row['text']}" if row["text"] else row["reason"]),
    ]  # fmt: skip


def shares(at: At = "") -> None:
    """What each account used, as it counts now, and has now. The lowest score goes first.

    Example: winslowctl shares     winslowctl shares --at 2026-03-01T09:30
    """
    from flow.order.shares import shares as found

    accounts = sorted(found(settings.snapshot_at(at)).values(), key=lambda each: (each.score, each.account))
    rows: list[dict[str, Any]] = [
        {
            "account": each.account, "weight": each.weight, "core_hours": each.used, "cores_now": each.now / 1000,
            "score": each.score,
        }
        for each in accounts
    ]  # fmt: skip
    if output.for_programs(rows):
        return
    heads = ("ACCOUNT", "WEIGHT", "CORE-HOURS", "NOW", "SCORE")
    cells = [
        [output.shown(row["account"]), f"{row['weight']:g}", f"{row['core_hours']:.2f}", f"{row['cores_now']:g}",
         f"{row['score'] / 1e9:.2f}"]
        for row in rows
    ]  # fmt: skip
    output.table(heads, cells, empty="nobody has used anything yet")
