"""`describe`: all about one project."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli import ages, completion, output, settings
from cli.lanes import cells, drawn
from cli.one_execution import describe_execution
from cli.ps import At, percent, place, progress, told, without_text

if TYPE_CHECKING:
    from flow.model.snapshot import ProjectView
    from flow.status.states import ProjectState, StageState
    from schema.execution import Execution
    from state.git.git_repository import GitRepository

Project = Annotated[
    str,
    typer.Argument(
        help="the project's id, or one of its executions", metavar="PROJECT[/N]", autocompletion=completion.projects
    ),
]


def add_to(app: typer.Typer) -> None:
    app.command()(describe)


def describe(project: Project, at: At = "") -> None:
    """One project: its stages, executions and requests, and what helps where it waits; or one execution in full.

    Example: winslowctl describe crossing     winslowctl describe crossing/3     winslowctl describe crossing --at 2h
    """
    from flow.status.remedies import remedy
    from flow.status.states import project_state, stage_states

    client, snapshot = settings.looked_at(at)
    id, separator, number = project.partition("/")
    view = settings.project_of(snapshot, id)
    if separator:
        describe_execution(view, number)
        return
    now = project_state(snapshot, view)
    stages = [_stage(view, each, live=not at) for each in stage_states(snapshot, view)]
    value = {
        "project": view.id,
        "pipeline": now.pipeline,
        "state": now.state,
        "reason": now.reason and str(now.reason),
        "stages": stages,
        "to_come": None if at else _to_come(view),
        "executions": []
        if output.for_people()
        else [e.model_dump(mode="json", by_alias=True) for e in view.executions],
        "requests": _requests(client, view),
    }
    if not output.for_programs({**value, "stages": [without_text(stage) for stage in stages]}):
        _describe(view, now, value, "" if at else remedy(view, now))


def _to_come(view: "ProjectView") -> dict[str, Any] | None:
    """The stages that decide when it ends, and about how many seconds they take."""
    from flow.status.critical_path import critical_path

    found = critical_path(view)
    return {"stages": list(found.stages), "seconds": found.seconds} if found else None


def _stage(view: "ProjectView", state: "StageState", *, live: bool) -> dict[str, Any]:
    """Where stages branch also what each needs, and of a matrix its points."""
    points = [_stage(view, point, live=False) for point in state.points]
    return {
        "stage": state.stage,
        "state": state.state,
        "reason": state.reason and str(state.reason),
        "execution": state.execution,
        "text": state.text or (_live(view, state.execution) if live else ""),
        **({"needs": list(state.needs)} if state.needs else {}),
        **({"points": points} if points else {}),
    }


def _live(view: "ProjectView", number: int | None) -> str:
    record = view.execution(number) if number else None
    return percent(progress(record)) if record and record.state.active else ""


def _requests(client: "GitRepository", view: "ProjectView") -> list[dict[str, Any]]:
    from state.history.moments import committed

    answered = [
        {
            "request": r.request,
            "by": r.by,
            "commit": r.commit,
            "time": committed(client, r.commit),
            "reply": r.model_dump(mode="json", exclude_defaults=True),
        }
        for r in view.replies
    ]
    waiting = [
        {"request": f.name, "by": f.by, "commit": f.commit, "time": committed(client, f.commit), "reply": None}
        for f in view.unanswered
    ]
    later = [{"request": name, "by": "", "commit": "", "time": None, "reply": None} for name in view.withheld]
    return answered + waiting + later


def _describe(view: "ProjectView", now: "ProjectState", value: dict[str, Any], helps: str) -> None:
    from flow.status.show_files import to_look_at
    from flow.status.states import state_class

    name = f" · {output.shown(view.project.name)}" if view.project and view.project.name else ""
    output.line(f"[bold]{output.shown(view.id)}[/]{name} · pipeline {output.shown(now.pipeline)}")
    why = f" ({output.shown(told(now))})" if now.why else ""
    output.line(f"state: {output.state_word(now.state)} {state_class(now.state)}{why}")
    output.line(f"what helps: {output.shown(helps)}\n" if helps else "")
    if to_come := value["to_come"]:
        about = "" if to_come["seconds"] is None else f", about {ages.short(to_come['seconds'])}"
        output.line(f"to come: {output.shown(' → '.join(to_come['stages']))}{about}\n")
    lanes = drawn({s["stage"]: s.get("needs", []) for s in value["stages"]})
    output.table(
        ("STAGE", "STATE", "CLASS", "EXEC", "REASON"),
        [
            [output.shown(lanes[s["stage"]]), output.state_word(s["state"]), state_class(s["state"]),
             output.shown(s["execution"]),
             output.shown(": ".join(p for p in (s["reason"] or "", s["text"]) if p))]
            for s in value["stages"]
        ],
    )  # fmt: skip
    for s in value["stages"]:
        if "points" in s:
            output.line(f"\n{output.shown(s['stage'])}: {output.shown(cells([p['state'] for p in s['points']]), 4000)}")
    for stage, number, names in to_look_at(view):
        output.line(f"\nto look at: {output.shown(', '.join(names))} ({output.shown(stage)}, execution {number})")
    output.line("")
    output.table(
        ("EXEC", "STAGE", "STATE", "ATTEMPT", "NODE", "FROM", "TOOK", "METRICS", "REASON"),
        [_execution_row(e) for e in view.executions[-20:]],
        empty="no executions yet",
    )
    output.line("")
    output.table(
        ("REQUEST", "BY", "AGE", "REPLY"),
        [
            [output.shown(r["request"]), output.shown(r["by"]), ages.short(ages.since(r["time"])), _verdict(r["reply"])]
            for r in value["requests"][-20:]
        ],
        empty="no requests yet",
    )


def _execution_row(e: "Execution") -> list[str]:
    metrics = list((e.result.metrics if e.result else {}).items())[:4]
    why = ": ".join(part for part in (str(e.reason) if e.reason else "", e.text) if part)
    return [
        str(e.execution), output.shown(e.slot), output.state_word(str(e.state)), str(e.attempt),
        place(e.claim.node, e.gpus), output.shown(e.workspace.source), ages.short(ages.took(e)),
        output.shown(", ".join(f"{name}={value:g}" for name, value in metrics)),
        output.shown(why, 2000 if output.wide() else 200),
    ]  # fmt: skip


def _verdict(reply: dict[str, Any] | None) -> str:
    if reply is None:
        return "[yellow]not yet[/]"
    if reply["verdict"] == "accepted":
        return "[green]accepted[/]"
    return f"[red]rejected[/] {output.shown(reply.get('reason'))}: {output.shown(reply.get('text'))}"
