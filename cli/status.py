"""Verb `status`: all on one page: what needs you, what failed, what runs, what waits, which nodes are there."""

from typing import TYPE_CHECKING, Any

import typer

from cli import ages, output, settings
from cli.ps import percent, place, progress, told

if TYPE_CHECKING:
    from flow.model.snapshot import ProjectView, Snapshot
    from flow.node.node_states import NodeStanding
    from flow.status.states import ProjectState

PARTS = {
    "NEEDS YOU": ("needs_input",),
    "FAILED": ("failed", "invalid"),
    "RUNNING": ("running",),
    "WAITING": ("queued",),
    "PAUSED": ("paused",),
    "NEW": ("new",),
}
NOBODY = "none has joined; `winslowctl node --repo URL --name N` does"
MOST = 20
"""So many projects of a part are named; the others are counted."""


def add_to(app: typer.Typer) -> None:
    app.command()(status)


def status() -> None:
    """One page: what needs you, what failed, what runs, what waits and why; and what helps.

    Example: winslowctl status
    """
    from flow.model.snapshot import present
    from flow.status.remedies import remedy
    from flow.status.states import project_state

    _, snapshot = settings.snapshot()
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in PARTS}
    count = {"succeeded": 0}
    for view in present(snapshot):
        now = project_state(snapshot, view)
        part = next((name for name, states in PARTS.items() if now.state in states), "")
        if part:
            found[part].append(_row(view, now, remedy(view, now)))
        else:
            count["succeeded"] += 1
    value = {
        **{name.lower().replace(" ", "_"): rows for name, rows in found.items()},
        **count,
        "nodes": sorted(snapshot.inventories),
        "problems": [problem.text for problem in snapshot.problems],
    }
    if not output.for_programs(value):
        _print(snapshot, found, count["succeeded"])


def _row(view: "ProjectView", now: "ProjectState", helps: str) -> dict[str, Any]:
    record = now.execution
    runs = record if record and record.state.active else None
    return {
        "project": now.project,
        "state": now.state,
        "stage": now.stage,
        "execution": record.execution if record else None,
        "node": runs.claim.node if runs else None,
        "gpus": list(runs.gpus) if runs else [],
        "progress": progress(runs) if runs else None,
        "took": ages.took(runs) if runs else None,
        "reason": now.reason and str(now.reason),
        "why": told(now) or None,
        "helps": helps or None,
    }


def _print(snapshot: "Snapshot", found: dict[str, list[dict[str, Any]]], succeeded: int) -> None:
    from flow.node.node_states import standings

    for name, rows in found.items():
        if rows:
            output.line(f"[bold]{name}[/] ({len(rows)})")
            heads = ("PROJECT", "STAGE", "NODE", "PROGRESS", "TOOK", "REASON")
            output.table(heads, [_cells(row) for row in rows[:MOST]])
            if len(rows) > MOST:
                output.line(f"  and {len(rows) - MOST} more: winslowctl ps --state {rows[0]['state']}")
            output.line("")
    if not snapshot.projects:
        output.line("no projects yet; `winslowctl projects create ID --pipeline P` makes one\n")
    nodes = ", ".join(map(_node, standings(snapshot).values())) or NOBODY
    output.line(f"{succeeded} succeeded · nodes: {output.shown(nodes)}")
    for problem in snapshot.problems[:10]:
        output.line(f"problem: {output.shown(problem.text)}")


def _node(found: "NodeStanding") -> str:
    return found.node if found.state == "ready" else f"{found.node} ({found.why})"


def _cells(row: dict[str, Any]) -> list[str]:
    helps = f" → {row['helps']}" if row["helps"] else ""
    return [
        output.shown(row["project"]), output.shown(row["stage"]), place(row["node"], row["gpus"]),
        percent(row["progress"]), ages.short(row["took"]), output.shown(f"{row['why'] or ''}{helps}", 2000),
    ]  # fmt: skip
