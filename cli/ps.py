"""Verbs that show how all of it is: ps, nodes."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli import ages, completion, output, settings, watching
from cli.author import author
from cli.errors import CommandError

if TYPE_CHECKING:
    from flow.model.snapshot import ProjectView, Snapshot
    from flow.status.states import ProjectState
    from schema.execution import Execution

At = Annotated[str, typer.Option("--at", help="as it was then: a commit, a time (UTC), or an age like 2h")]


def add_to(app: typer.Typer) -> None:
    app.command()(ps)
    group = typer.Typer(invoke_without_command=True)
    group.callback()(nodes)
    group.command("rm")(nodes_rm)
    app.add_typer(group, name="nodes")


def ps(
    project: Annotated[
        list[str] | None,
        typer.Argument(metavar="[PROJECT]…", help="only these", autocompletion=completion.projects),
    ] = None,
    tag: Annotated[str, typer.Option("--tag", help="only projects with this tag")] = "",
    state: Annotated[str, typer.Option("--state", help="only projects in this state")] = "",
    at: At = "",
    watch: Annotated[
        bool, typer.Option("-w", "--watch", help="show it again whenever it changes; not on a terminal, what changed")
    ] = False,
) -> None:
    """All projects, or some: what needs you, what runs, what waits and why. AGE is since when it is so.

    Example: winslowctl ps --state needs_input     winslowctl ps crossing -w     winslowctl ps --at 2026-03-01T09:30
    """
    from flow.status.states import STATES

    if state and state not in STATES:
        raise CommandError(f"--state takes {', '.join(STATES)}, not {state[:30]!r}", 2)
    if watch and at:
        raise CommandError("--watch looks at what comes, --at at what was: one of them", 2)
    snapshot = settings.snapshot_at(at)
    for id in project or ():
        settings.project_of(snapshot, id)
    wanted = WantedRows(frozenset(project or ()), tag, state)
    if watch:
        watching.watch(lambda: _ps_rows(settings.snapshot()[1], wanted, live=True), _ps_table)
    rows = _ps_rows(snapshot, wanted, live=not at)
    if output.for_programs([without_text(row) for row in rows]):
        return
    hint = "no projects yet; `winslowctl projects create ID --pipeline P` makes one"
    _ps_table(rows, empty="no project is like that" if snapshot.projects else hint)
    for problem in snapshot.problems[:10]:
        print(f"problem: {output.shown(problem.text)}", file=sys.stderr)


@dataclass(frozen=True, slots=True)
class WantedRows:
    """Which projects are asked for; all where nothing is said."""

    ids: frozenset[str]
    tag: str
    state: str


def _ps_rows(snapshot: "Snapshot", wanted: WantedRows, *, live: bool) -> list[dict[str, Any]]:
    from flow.model.snapshot import present
    from flow.status.remedies import remedy
    from flow.status.states import project_state

    rows = []
    for view in present(snapshot):
        now = project_state(snapshot, view)
        named = not wanted.ids or view.id in wanted.ids
        tagged = not wanted.tag or (view.project is not None and wanted.tag in view.project.tags)
        if named and tagged and wanted.state in ("", now.state):
            rows.append(_ps_row(view, now, remedy(view, now) if live else "", live=live))
    return rows


def _ps_table(rows: list[dict[str, Any]], empty: str = "no project is like that") -> None:
    cells = [
        [
            *(output.shown(r[name]) for name in ("project", "pipeline")),
            output.state_word(r["state"]),
            *(output.shown(r[name]) for name in ("stage", "execution")),
            place(r["node"], r["gpus"]),
            percent(r["progress"]),
            ages.short(ages.since(r["since"])),
            ages.short(r["took"]),
            output.shown(r["text"], 2000 if output.wide() else 200),
        ]
        for r in rows
    ]
    heads = ("PROJECT", "PIPELINE", "STATE", "STAGE", "EXEC", "NODE", "PROGRESS", "AGE", "TOOK", "REASON")
    output.table(heads, cells, empty=empty)


def without_text(row: dict[str, Any]) -> dict[str, Any]:
    """The keys that programs may rely on; the words beside a reason code are for people."""
    return {name: value for name, value in row.items() if name != "text"}


def _ps_row(view: "ProjectView", now: "ProjectState", helps: str, *, live: bool) -> dict[str, Any]:
    record = now.execution
    newest = record or (view.executions[-1] if view.executions else None)
    runs = record is not None and record.state.active
    why = told(now)
    if now.could and why and now.reason not in ("NodeOffline", "NodeTooOld"):  # that names them
        why += f" (could run on {', '.join(now.could)})"
    return {
        "project": now.project,
        "pipeline": now.pipeline,
        "state": now.state,
        "reason": now.reason and str(now.reason),
        "stage": now.stage,
        "execution": record.execution if record else None,
        "node": record.claim.node if record and runs else None,
        "gpus": list(record.gpus) if record and runs else [],
        "progress": progress(record) if record and runs and live else None,
        "since": _since(newest) if newest else None,
        "took": ages.took(newest, live=live) if newest else None,
        "text": " → ".join(filter(None, (why, helps))) or None,
    }


def told(now: "ProjectState") -> str:
    """The reason and its words, and how long ago somebody asked for what is still to come."""
    from flow.node.node_states import rough

    asked = ages.since(now.pauses.at) if now.pauses else None
    return now.why if asked is None else f"{now.why} {rough(max(asked, 0.0))} ago"


def place(node: str | None, gpus: Sequence[str]) -> str:
    from flow.placement.gpus import short

    given = ",".join(short(gpu) for gpu in gpus)
    return output.shown(f"{node}:{given}" if given else node)


def _since(record: "Execution") -> str | None:
    times = record.times
    return times.finished or times.started or times.claimed


def progress(record: "Execution") -> float | None:
    """Percent, live, where the stage runs on this machine."""
    from runner.program_output import progress as said

    return said(settings.data() / "runs" / record.claim.container)


def percent(value: float | None) -> str:
    return "" if value is None else f"{value:.0f}%"


def _node_rows() -> list[dict[str, Any]]:
    from flow.node.node_states import standing
    from flow.placement.capacity import slots
    from flow.placement.gpus import holders, told
    from flow.placement.ranking import busy_counts
    from schema.node import NodeSettings

    client, snapshot = settings.snapshot()
    busy, taken = busy_counts(snapshot), holders(snapshot)
    rows: list[dict[str, Any]] = []
    for name, inventory in snapshot.inventories.items():
        heartbeat, now = client.heartbeat(name), standing(snapshot, name)
        rows.append(
            {
                "node": name,
                "runner": inventory.runner,
                "slots": slots(inventory, snapshot.nodes.get(name, NodeSettings())),
                "busy": busy.get(name, 0),
                "cpus": inventory.cpus,
                "memory": inventory.memory,
                "gpus": [
                    {**gpu.model_dump(mode="json"), "held_by": told(taken.get(name, {}).get(gpu.uuid, {})) or None}
                    for gpu in inventory.gpus
                ],
                "state": str(now.state),
                "why": now.text or None,
                "drain": name in snapshot.nodes and snapshot.nodes[name].drain,
                "halted": heartbeat.halted if heartbeat else None,
                "beats": heartbeat.counter if heartbeat else 0,
                "last_seen": (heartbeat.time or None) if heartbeat else None,
                "clock": inventory.clock or None,
                "winslow": inventory.winslow,
                "schema": inventory.schema_version,
            }
        )
    return rows


def nodes(context: typer.Context) -> None:
    """All nodes: what they have, what they hold, whether they live. `winslowctl drain NODE` lets one take nothing new.

    Example: winslowctl nodes
    """
    if context.invoked_subcommand:
        return
    rows = _node_rows()
    if output.for_programs(rows):
        return
    cells = [
        [output.shown(r["node"]), output.shown(r["runner"]),
         f"{r['busy']}/{'auto' if r['slots'] is None else r['slots']}", str(r["cpus"]),
         f"{r['memory'] / 2**30:.0f} GiB", "\n".join(map(_gpu, r["gpus"])),
         str(r["winslow"]), ages.short(ages.since(r["last_seen"])),
         condition(r["state"], r["why"]) + _clock(r["clock"])]
        for r in rows
    ]  # fmt: skip
    heads = ("NODE", "RUNNER", "BUSY", "CPUS", "MEMORY", "GPUS", "WINSLOW", "LAST SEEN", "STATE")
    output.table(heads, cells, empty="no node has joined; `winslowctl node --repo URL --name N` does")


def nodes_rm(
    node: Annotated[str, typer.Argument(help="the node's name", metavar="NODE", autocompletion=completion.nodes)],
) -> None:
    """Remove a node that is gone for good, so that its name is free: its heartbeat, its file on main, its inventory.

    One that answers is refused. What it ran is lost once nodes that live have seen nothing of it for `lost_after`.
    Example: winslowctl nodes rm gpu-02
    """
    from state.edits import node_removal

    settings.checked_name(node, "node")
    client, found = settings.snapshot(live=True)
    try:
        node_removal.check(found, node)
    except node_removal.CannotRemove as error:
        raise CommandError(str(error)) from None
    done = node_removal.remove(client, found, node, author())
    if not output.for_programs({"node": node, "done": done}):
        for each in done:
            print(f"{node}: {each}")


def _gpu(gpu: dict[str, Any]) -> str:
    """What it is, and who has it or why nobody may."""
    colour = {"ok": "", "busy": "yellow"}.get(gpu["health"], "red")
    health = f" [{colour}]{gpu['health']}[/]" if colour else ""
    holder = f" → {output.shown(gpu['held_by'])}" if gpu["held_by"] else ""
    return f"{output.shown(gpu['model'] or gpu['uuid'])} {gpu['memory'] / 2**30:.0f} GiB{health}{holder}"


def _clock(text: str | None) -> str:
    return f"\n[yellow]its clock was {output.shown(text)}[/]" if text else ""


def condition(state: str, why: str | None) -> str:
    """The state of a node in its colour, and why."""
    colour = {"ready": "green", "draining": "yellow", "full": "yellow", "unknown": "yellow", "stopped": "yellow"}
    words = f" {output.shown(why)}" if why and state != "draining" else ""
    return f"[{colour.get(state, 'red')}]{state}[/]{words.replace(f' {state} ', ' ', 1)}"
