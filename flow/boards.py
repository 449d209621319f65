"""Boards: what a repository browser shows of the state, as Markdown. The same bytes for the same snapshot.

No times that run on, so a board changes only when something happened. Bounded, whatever the repository holds.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

from flow.markdown import code, link, table, text
from flow.memo import Memo
from flow.open import open_views
from flow.plan import Planned
from flow.views import ProjectState, project_state, stage_states, stale
from flow.world import ProjectView, Snapshot
from schema import layout
from schema.execution import Execution

MARKS = {
    "succeeded": "✅", "failed": "❌", "aborted": "⛔", "lost": "❓", "running": "▶️", "preparing": "▶️", "queued": "⏳",
    "claimed": "⏳", "waiting": "✋", "needs_input": "✋", "paused": "⏸️", "stale": "♻️", "skipped": "⏭️", "invalid": "⚠️",
}  # fmt: skip
WORDS = {"needs_input": "needs you", "new": "not started"}
GROUPS = (
    ("Needs you", ("needs_input", "failed", "invalid")),
    ("Runs", ("running",)),
    ("Waits", ("queued", "paused")),
    ("Not started", ("new",)),
    ("Done", ("succeeded",)),
)
ROWS = 100
"""Projects of one group that the root board names; the counts are whole."""
RUNS, REQUESTS, PROBLEMS = 20, 20, 50


def word(state: str) -> str:
    shown = WORDS.get(state, state)
    return f"{MARKS[state]} {shown}" if state in MARKS else shown


# the root board


def _standings(snapshot: Snapshot) -> Mapping[str, ProjectState]:
    return {id: project_state(snapshot, view) for id, view in snapshot.projects.items()}


def _root(snapshot: Snapshot) -> str:
    groups: dict[str, list[ProjectState]] = {name: [] for name, _ in GROUPS}
    names = {state: name for name, states in GROUPS for state in states}
    for now in _standings(snapshot).values():
        groups[names[now.state]].append(now)
    counts = " · ".join(f"{name.lower()} {len(members)}" for name, members in groups.items() if members)
    title = text(snapshot.settings.name) or "What is"
    lines = [f"# {title}", "", counts or "No projects yet.", ""]
    lines += _problems(snapshot)
    for name, members in groups.items():
        lines += _group(snapshot, name, members)
    lines += _nodes(snapshot)
    lines += ["Written by Winslow's nodes, never by hand. What is wanted is on the branch main.", ""]
    return "\n".join(lines)


root_board: Memo[Snapshot, str] = Memo(_root, 2)
"""`README.md` of `winslow/state`."""


def _problems(snapshot: Snapshot) -> list[str]:
    found = [f"- {text(problem)}" for problem in islice(snapshot.problems, PROBLEMS)]
    more = len(snapshot.problems) - len(found)
    return (
        ["## Files that do not parse", "", *found, *([f"- and {more} more"] if more > 0 else []), ""] if found else []
    )


def _group(snapshot: Snapshot, name: str, members: list[ProjectState]) -> list[str]:
    if not members:
        return []
    rows = [_line(snapshot, now) for now in members[:ROWS]]
    left = [f"… and {len(members) - ROWS} more.", ""] if len(members) > ROWS else []
    return [f"## {name} ({len(members)})", "", *table(("project", "stages", "state", "why", "node"), rows), *left]


def _line(snapshot: Snapshot, now: ProjectState) -> list[str]:
    view = snapshot.projects[now.project]
    node = now.execution.claim.node if now.execution and now.execution.state.active else ""
    return [link(_title(view), layout.board(view.id)), _strip(snapshot, view), word(now.state), _why(now), text(node)]


def _title(view: ProjectView) -> str:
    return text((view.project.name if view.project else "") or view.id, 80)


def _strip(snapshot: Snapshot, view: ProjectView) -> str:
    return "".join(MARKS.get(stage.state, "▫️") for stage in stage_states(snapshot, view)[:40])


def _why(now: ProjectState) -> str:
    where = f"{text(now.stage)}: " if now.stage and now.text else text(now.stage or "")
    could = f" (could run on {text(', '.join(now.could))})" if now.could and now.state == "queued" else ""
    return f"{where}{text(now.text)}{could}"


def _nodes(snapshot: Snapshot) -> list[str]:
    running: dict[str, list[str]] = {}
    for view in open_views(snapshot):
        for record in view.executions:
            if record.state.active:
                running.setdefault(record.claim.node, []).append(f"{view.id}/{record.execution} {record.stage}")
    rows = []
    for name, inventory in sorted(snapshot.inventories.items())[:ROWS]:
        settings = snapshot.nodes.get(name)
        gpus = ", ".join(sorted({gpu.model for gpu in inventory.gpus}))
        facts = [f"{inventory.cpus} cores", f"{inventory.memory / 2**30:.0f} GiB", *([gpus] if gpus else [])]
        state = "drains" if settings and settings.drain else ""
        rows.append([text(name), text(" · ".join(facts)), text(", ".join(running.get(name, ())[:10])), state])
    return ["## Nodes", "", *table(("node", "has", "runs", ""), rows)] if rows else []


# one project's board


def project_board(snapshot: Snapshot, view: ProjectView) -> str:
    """`projects/<id>/README.md`."""
    now = project_state(snapshot, view)
    lines = [f"# {_title(view)}", "", f"{word(now.state)} {_why(now)}".strip(), ""]
    facts = [f"pipeline {text(now.pipeline)}"]
    if view.project and view.project.tags:
        facts.append(f"tags {text(', '.join(view.project.tags))}")
    lines += [" · ".join(facts), "", *_stages(snapshot, view), *_history(view), *_requests(view)]
    return "\n".join(lines)


def _stages(snapshot: Snapshot, view: ProjectView) -> list[str]:
    rows = []
    for stage in stage_states(snapshot, view):
        record = view.execution(stage.execution) if stage.execution else None
        shown = [text(stage.stage), word(stage.state), _number(record), _result(record), text(stage.text)]
        rows.append(shown)
    return table(("stage", "state", "execution", "result", "why"), rows)


def _number(record: Execution | None) -> str:
    if record is None:
        return ""
    return link(str(record.execution), f"executions/{record.execution:04d}-{record.stage}.yaml")


def _result(record: Execution | None) -> str:
    if record is None or record.result is None:
        return ""
    values = {**record.result.metrics, **record.result.values}
    return " ".join(code(f"{name} {_short(value)}") for name, value in islice(values.items(), 6))


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _history(view: ProjectView) -> list[str]:
    rows = [row for stage in _order(view) for row in _runs(view, stage)]
    heads = ("stage", "execution", "state", "changed", "result", "node", "log")
    return ["## History", "", *table(heads, rows)] if rows else []


def _order(view: ProjectView) -> list[str]:
    pipeline = view.definition or view.pipeline
    names = [stage.name for stage in pipeline.stages] if pipeline else []
    return names + sorted({record.stage for record in view.executions} - set(names))


def _runs(view: ProjectView, stage: str) -> Iterator[list[str]]:
    """The newest first, each with what was changed since the one before."""
    outdated, runs = stale(view), [record for record in view.executions if record.stage == stage]
    for place in range(len(runs) - 1, max(-1, len(runs) - 1 - RUNS), -1):
        record, before = runs[place], runs[place - 1] if place else None
        state = "stale" if record.execution in outdated else str(record.state)
        reason = f" {text(record.reason)}" if record.reason else ""
        yield [
            text(stage) if place == len(runs) - 1 else "",
            _number(record),
            word(state) + reason,
            _changed(before, record),
            _result(record),
            text(record.claim.node),
            link("log", f"logs/{record.execution:04d}-{record.stage}.txt") if record.log and record.log.lines else "",
        ]


def _changed(before: Execution | None, after: Execution) -> str:
    if before is None:
        return ""
    changed = {name: value for name, value in after.inputs.items() if before.inputs.get(name) != value}
    return " ".join(code(f"{name}={_plain(value)}") for name, value in islice(changed.items(), 6))


def _plain(value: object) -> object:
    return value.get("path", value) if isinstance(value, dict) else value


def _requests(view: ProjectView) -> list[str]:
    rows = [
        [text(reply.request), text(reply.kind), text(reply.stage or ""), text(reply.by),
         "accepted" if reply.accepted else f"rejected: {text(reply.text)}", text(reply.comment)]
        for reply in reversed(view.replies[-REQUESTS:])
    ]  # fmt: skip
    heads = ("request", "asks to", "stage", "by", "reply", "comment")
    return ["## Requests", "", *table(heads, rows)] if rows else []


# what would happen


def planned_board(snapshot: Snapshot, planned: Sequence[Planned]) -> str:
    """For a merge request: what its files would make the nodes do."""
    rows = [
        [text(each.project), text(each.stage or ""), text(", ".join(each.nodes[:3]) or each.waits), _with(each),
         text(f"execution {each.workspace}" if each.workspace else ""), text(_also(each), 600)]
        for each in planned[:ROWS]
    ]  # fmt: skip
    heads = ("project", "would start", "on", "with", "built on", "also")
    lines = ["## Plan", "", *(table(heads, rows) or ["Nothing would change.", ""])]
    more = [f"… and {len(planned) - ROWS} more.", ""] if len(planned) > ROWS else []
    return "\n".join([*lines, *more, *_problems(snapshot)])


def _with(each: Planned) -> str:
    return " ".join(code(f"{name}={_plain(value)}") for name, value in islice(each.inputs.items(), 10))


def _also(each: Planned) -> str:
    aborts = [f"execution {each.aborts} is aborted"] if each.aborts else []
    outdated = [f"stale: {', '.join(each.stale)}"] if each.stale else []
    return "; ".join([*each.replies, *aborts, *outdated])
