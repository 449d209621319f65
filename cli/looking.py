"""Verbs that only look: ps, describe, logs, events, compare, files, nodes."""

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli import output, settings
from cli.errors import CommandError

if TYPE_CHECKING:
    from flow.views import ProjectState
    from flow.world import ProjectView
    from schema.execution import Execution
    from state.git import GitRepository

Project = Annotated[str, typer.Argument(help="the project's id", metavar="PROJECT")]
Follow = Annotated[bool, typer.Option("-f", "--follow", help="go on until there is no more")]


def add_to(app: typer.Typer) -> None:
    for verb in (ps, describe, logs, events, compare, nodes):
        app.command()(verb)
    files = typer.Typer(no_args_is_help=True, help="Files of executions. Example: winslowctl files ls crossing/3")
    files.command("ls")(files_ls)
    files.command("get")(files_get)
    app.add_typer(files, name="files")


def ps(
    tag: Annotated[str, typer.Option("--tag", help="only projects with this tag")] = "",
    state: Annotated[str, typer.Option("--state", help="only projects in this state")] = "",
) -> None:
    """All projects: what needs you, what runs, what waits and why.

    Example: winslowctl ps --state needs_input
    """
    from flow.views import project_state

    _, snapshot = settings.snapshot()
    rows = []
    for view in snapshot.projects.values():
        now = project_state(snapshot, view)
        if (not tag or (view.project and tag in view.project.tags)) and state in ("", now.state):
            rows.append(_ps_row(now))
    if output.for_programs([without_text(row) for row in rows]):
        return
    cells = [
        [
            *(output.shown(r[name]) for name in ("project", "pipeline")),
            output.state_word(r["state"]),
            *(output.shown(r[name]) for name in ("stage", "execution", "node")),
            _percent(r["progress"]),
            output.shown(r["text"]),
        ]
        for r in rows
    ]
    heads = ("PROJECT", "PIPELINE", "STATE", "STAGE", "EXEC", "NODE", "PROGRESS", "REASON")
    output.table(heads, cells, empty="no projects yet; `winslowctl projects create ID --pipeline P` makes one")
    for problem in snapshot.problems[:10]:
        print(f"problem: {output.shown(problem)}", file=sys.stderr)


def without_text(row: dict[str, Any]) -> dict[str, Any]:
    """The keys that programs may rely on; the words beside a reason code are for people."""
    return {name: value for name, value in row.items() if name != "text"}


def _ps_row(now: "ProjectState") -> dict[str, Any]:
    record = now.execution
    runs = record is not None and record.state.active
    reason = now.reason and (f"{now.reason}: {now.text}" if now.text else str(now.reason))
    if now.could and reason:
        reason += f" (could run on {', '.join(now.could)})"
    return {
        "project": now.project,
        "pipeline": now.pipeline,
        "state": now.state,
        "reason": now.reason and str(now.reason),
        "stage": now.stage,
        "execution": record.execution if record else None,
        "node": record.claim.node if record and runs else None,
        "progress": _progress(record) if record and runs else None,
        "since": _since(record) if record else None,
        "text": reason,
    }


def _since(record: "Execution") -> str | None:
    times = record.times
    return times.finished or times.started or times.claimed


def _progress(record: "Execution") -> float | None:
    """Live, where the stage runs on this machine."""
    from runner.feedback import progress

    return progress(settings.data() / "runs" / record.claim.container)


def _percent(value: float | None) -> str:
    return "" if value is None else f"{value:.0f}%"


def describe(project: Project) -> None:
    """One project: its stages, executions and requests.

    Example: winslowctl describe crossing
    """
    from flow.views import project_state, stage_states

    _, snapshot, view = settings.project(project)
    now = project_state(snapshot, view)
    stages = [
        {
            "stage": s.stage,
            "state": s.state,
            "reason": s.reason and str(s.reason),
            "execution": s.execution,
            "text": s.text,
        }
        for s in stage_states(snapshot, view)
    ]
    value = {
        "project": view.id,
        "pipeline": now.pipeline,
        "state": now.state,
        "reason": now.reason and str(now.reason),
        "stages": stages,
        "executions": [e.model_dump(mode="json", by_alias=True) for e in view.executions],
        "requests": _requests(view),
    }
    if not output.for_programs({**value, "stages": [without_text(stage) for stage in stages]}):
        _describe(view, now, value)


def _requests(view: "ProjectView") -> list[dict[str, Any]]:
    answered = [
        {
            "request": r.request,
            "by": r.by,
            "commit": r.commit,
            "reply": r.model_dump(mode="json", exclude_defaults=True),
        }
        for r in view.replies
    ]
    waiting = [{"request": f.name, "by": f.by, "commit": f.commit, "reply": None} for f in view.unanswered]
    return answered + waiting


def _describe(view: "ProjectView", now: "ProjectState", value: dict[str, Any]) -> None:
    name = f" · {output.shown(view.project.name)}" if view.project and view.project.name else ""
    output.line(f"[bold]{output.shown(view.id)}[/]{name} · pipeline {output.shown(now.pipeline)}")
    why = f" ({output.shown(now.reason)}: {output.shown(now.text)})" if now.reason else ""
    output.line(f"state: {output.state_word(now.state)}{why}\n")
    output.table(
        ("STAGE", "STATE", "EXEC", "REASON"),
        [
            [output.shown(s["stage"]), output.state_word(s["state"]), output.shown(s["execution"]),
             output.shown(": ".join(p for p in (s["reason"] or "", s["text"]) if p))]
            for s in value["stages"]
        ],
    )  # fmt: skip
    output.line("")
    output.table(
        ("EXEC", "STAGE", "STATE", "ATTEMPT", "NODE", "FROM", "REASON", "METRICS"),
        [_execution_row(e) for e in view.executions[-20:]],
        empty="no executions yet",
    )
    output.line("")
    output.table(
        ("REQUEST", "BY", "REPLY"),
        [[output.shown(r["request"]), output.shown(r["by"]), _verdict(r["reply"])] for r in value["requests"][-20:]],
        empty="no requests yet",
    )


def _execution_row(e: "Execution") -> list[str]:
    metrics = list((e.result.metrics if e.result else {}).items())[:4]
    why = ": ".join(part for part in (str(e.reason) if e.reason else "", e.text) if part)
    return [
        str(e.execution), output.shown(e.stage), output.state_word(str(e.state)), str(e.attempt),
        output.shown(e.claim.node), output.shown(e.workspace.source), output.shown(why, 80),
        output.shown(", ".join(f"{name}={value:g}" for name, value in metrics)),
    ]  # fmt: skip


def _verdict(reply: dict[str, Any] | None) -> str:
    if reply is None:
        return "[yellow]not yet[/]"
    if reply["verdict"] == "accepted":
        return "[green]accepted[/]"
    return f"[red]rejected[/] {output.shown(reply.get('reason'))}: {output.shown(reply.get('text'))}"


def execution_of(view: "ProjectView", number: str) -> "Execution":
    if not view.executions:
        raise CommandError(f"project {view.id!r} has no executions yet")
    if not number:
        return view.executions[-1]
    found = view.execution(int(number)) if number.isdigit() else None
    if found is None:
        raise CommandError(f"there is no execution {number!r} of {view.id!r}; it has 1 to {view.last_execution}")
    return found


def logs(
    what: Annotated[str, typer.Argument(help="a project, or one of its executions", metavar="PROJECT[/N]")],
    follow: Follow = False,
) -> None:
    """The log of an execution, live where it runs on this machine, else its summary from the repository.

    Example: winslowctl logs crossing/3 -f
    """
    from schema import layout

    id, _, number = what.partition("/")
    client, _, view = settings.project(id)
    record = execution_of(view, number)
    _system_events(client, id, record)
    live = settings.data() / "runs" / record.claim.container / "log"
    if live.is_file():
        _live(client, live, id, record.execution, follow)
        return
    text = client.read_text(layout.log(id, record.execution, record.stage))
    if text is None and record.state.active:
        raise CommandError(f"{id}/{record.execution} runs on {record.claim.node}; its log arrives with its end")
    print("\n".join(_plain_line(line) for line in (text or "").splitlines()))


def _system_events(client: "GitRepository", id: str, record: "Execution") -> None:
    from state.log import events as read

    for event in read(client, limit=5000):
        if event.project == id and event.execution == record.execution:
            fact = f": {event.text}" if event.text else ""
            print(f"-- {event.time} {event.event} {event.stage or ''} on {event.node or ''}{fact}")


def _live(client: "GitRepository", path: Path, id: str, number: int, follow: bool) -> None:
    from runner import logs as files

    looked = [0.0, False]

    def ended() -> bool:
        if not follow:
            return True
        if time.monotonic() - looked[0] > 1.0 and not looked[1]:
            looked[0] = time.monotonic()
            record = client.fetch().projects[id].execution(number)
            looked[1] = record is None or record.state.ended
        return bool(looked[1])

    for line in files.follow(path, ended, sleep=time.sleep):
        print(f"{line.time} {line.stream} {files.clean(line.text)}", flush=follow)


EVERYTHING = 1_000_000


def _plain_line(line: str) -> str:
    from runner.logs import clean

    return clean(line)


def events(
    follow: Follow = False,
    limit: Annotated[int, typer.Option("--limit", "-n", help="at most so many, the newest")] = 200,
    project: Annotated[str, typer.Option("--project", help="only of this project")] = "",
) -> None:
    """What happened, oldest first: the commits of winslow/state.

    Example: winslowctl events -f --project crossing
    """
    from dataclasses import asdict

    from state.log import events as read

    client, _ = settings.snapshot()
    every = read(client, limit=limit if not project else EVERYTHING)
    found = [e for e in every if not project or e.project == project][-limit:]
    if not follow and output.for_programs([asdict(e) for e in found]):
        return
    last = found[-1].commit if found else None
    while True:
        for event in found:
            where = f"{event.project or ''}" + (f"/{event.execution}" if event.execution else "")
            by = event.by or event.node or ""
            parts = (event.time, event.event.ljust(10), where, event.stage or "", event.text, f"({by})" if by else "")
            print(" ".join(_plain_line(part) for part in parts if part), flush=True)
        if not follow:
            return
        time.sleep(0.5)
        client.fetch()
        newer = read(client, limit=1000, since=last)
        found = [e for e in newer if not project or e.project == project]
        last = newer[-1].commit if newer else last


def compare(
    left: Annotated[str, typer.Argument(metavar="PROJECT/N")],
    right: Annotated[str, typer.Argument(metavar="PROJECT/M")],
) -> None:
    """Two executions side by side: inputs, environment, values, metrics.

    Example: winslowctl compare crossing/3 crossing/8
    """
    from dataclasses import asdict

    from flow.compare import compare as side_by_side

    one, two = (_named_execution(name) for name in (left, right))
    rows = side_by_side(one, two)
    if output.for_programs({"left": left, "right": right, "rows": [asdict(row) for row in rows]}):
        return
    cells = []
    for row in rows:
        mark = "dim" if row.same else "bold"
        change = "" if row.change in (None, 0.0) else f"{row.change:+g}"
        percent = f" ({row.percent:+.1f}%)" if row.percent and row.change else ""
        cells.append(
            [row.group, output.shown(row.name), f"[{mark}]{output.shown(row.left)}[/]",
             f"[{mark}]{output.shown(row.right)}[/]", change + percent]
        )  # fmt: skip
    output.table(("", "NAME", left, right, "CHANGE"), cells)


def _named_execution(name: str) -> "Execution":
    id, _, number = name.partition("/")
    if not number:
        raise CommandError(f"name an execution like {id}/3, not {name!r}", 2)
    return execution_of(settings.project(id)[2], number)


def nodes() -> None:
    """All nodes: what they have, what they hold.

    Example: winslowctl nodes
    """
    from flow.placement import busy_counts

    client, snapshot = settings.snapshot()
    busy = busy_counts(snapshot)
    rows: list[dict[str, Any]] = []
    for name, inventory in snapshot.inventories.items():
        heartbeat = client.heartbeat(name)
        rows.append(
            {
                "node": name,
                "runner": inventory.runner,
                "slots": inventory.slots,
                "busy": busy.get(name, 0),
                "cpus": inventory.cpus,
                "memory": inventory.memory,
                "gpus": [gpu.model for gpu in inventory.gpus],
                "drain": name in snapshot.nodes and snapshot.nodes[name].drain,
                "halted": heartbeat.halted if heartbeat else None,
                "beats": heartbeat.counter if heartbeat else 0,
                "winslow": inventory.winslow,
            }
        )
    if output.for_programs(rows):
        return
    cells = [
        [output.shown(r["node"]), output.shown(r["runner"]), f"{r['busy']}/{r['slots']}", str(r["cpus"]),
         f"{r['memory'] / 2**30:.0f} GiB", output.shown(", ".join(r["gpus"])), _condition(r), str(r["winslow"])]
        for r in rows
    ]  # fmt: skip
    heads = ("NODE", "RUNNER", "BUSY", "CPUS", "MEMORY", "GPUS", "STATE", "WINSLOW")
    output.table(heads, cells, empty="no node has joined; `winslowctl node --repo URL --name N` does")


def _condition(row: dict[str, Any]) -> str:
    if row["halted"]:
        return f"[red]halted[/] {output.shown(row['halted'])}"
    return "[yellow]drains[/]" if row["drain"] else "ready"


def files_ls(what: Annotated[str, typer.Argument(metavar="PROJECT[/N]")]) -> None:
    """Files that an execution left; without a number those of every stage's newest.

    Example: winslowctl files ls crossing/3
    """
    id, _, number = what.partition("/")
    client, _, view = settings.project(id)
    records = [execution_of(view, number)] if number else list({e.stage: e for e in view.executions}.values())
    rows = [row for record in records for row in _files_of(client, id, record)]
    if output.for_programs(rows):
        return
    cells = [[str(r["execution"]), output.shown(r["path"]), f"{r['bytes']:,}", output.shown(r["digest"])] for r in rows]
    output.table(("EXEC", "PATH", "BYTES", "DIGEST"), cells, empty="no files")


def _files_of(client: "GitRepository", id: str, record: "Execution") -> list[dict[str, Any]]:
    import json

    from schema import layout

    folder = _workspace(id, record.execution)
    if folder.is_dir():
        paths = sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
        return [
            {
                "execution": record.execution,
                "path": str(p.relative_to(folder)),
                "bytes": p.stat().st_size,
                "digest": None,
            }
            for p in paths
        ]
    text = client.read_text(layout.artifacts(id, record.execution, record.stage))
    listed = json.loads(text).get("artifacts", []) if text else []
    return [{"execution": record.execution, **{k: a.get(k) for k in ("path", "bytes", "digest")}} for a in listed]


def _workspace(id: str, number: int) -> Path:
    return settings.data() / "projects" / settings.checked_name(id, "project") / f"{number:04d}" / "workspace"


def files_get(
    what: Annotated[str, typer.Argument(metavar="PROJECT/N/PATH")],
    to: Annotated[str, typer.Option("--to", help="file or folder to write; default: here")] = "",
) -> None:
    """Copy a file that an execution left, where it is on this machine.

    Example: winslowctl files get crossing/6/report.html --to report.html
    """
    import shutil

    id, _, rest = what.partition("/")
    number, _, path = rest.partition("/")
    if not number.isdigit() or not path:
        raise CommandError("name a file like crossing/6/report.html", 2)
    folder = _workspace(id, int(number)).resolve()
    source = (folder / path).resolve()
    if folder not in source.parents:
        raise CommandError(f"{path!r} leads out of the workspace")
    if not source.is_file():
        raise CommandError(f"{what} is not on this machine ({folder}); give --data of the node that has it")
    target = Path(to or ".")
    print(shutil.copy(source, target / source.name if target.is_dir() else target))
