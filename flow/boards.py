"""The root board: what a repository browser shows of the state, as Markdown. The same bytes for the same snapshot.

No times that run on, so a board changes only when something happened. Bounded, whatever the repository holds.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from flow.markdown import code, link, table, text
from flow.memo import Memo
from flow.open import open_views
from flow.views import ProjectState, StageState, project_state, stage_states
from flow.world import ProjectView, Snapshot
from schema import layout
from schema.execution import Execution

MARKS = {
    "succeeded": "✅", "failed": "❌", "aborted": "⛔", "lost": "❓", "running": "🔵", "preparing": "🔵",
    "queued": "⏳", "claimed": "⏳", "waiting": "✋", "needs_input": "✋", "paused": "⏸️", "stale": "♻️",
    "skipped": "⏭️", "invalid": "⚠️",
}  # fmt: skip
REST = "▫️"
WORDS = {"needs_input": "needs you", "new": "not started"}
LEGEND = "✅ succeeded · 🔵 running · ⏳ queued · ✋ waits for a person · ⏸️ paused · ❌ failed · ⛔ aborted · ❓ lost · ♻️ stale · ⏭️ skipped · ▫️ to come"  # noqa: E501
ROWS, FEW, PROBLEMS, STRIP = 100, 30, 50, 40
WHY = 200


@dataclass(frozen=True, slots=True)
class Group:
    """A part of the root board: which project states it shows, in which columns, how many of them by name."""

    name: str
    states: tuple[str, ...]
    heads: tuple[str, ...]
    most: int = ROWS


GROUPS = (
    Group("Needs you", ("needs_input", "failed", "invalid"), ("project", "stages", "state", "why")),
    Group("Runs", ("running",), ("project", "stages", "stage", "execution", "node")),
    Group("Waits", ("queued", "paused"), ("project", "stages", "state", "why")),
    Group("Not started", ("new",), ("project", "pipeline", "why"), FEW),
    Group("Done", ("succeeded",), ("project", "stages", "pipeline", "result"), FEW),
)


def word(state: str) -> str:
    """A state with its mark."""
    shown = WORDS.get(state, state)
    return f"{MARKS[state]} {shown}" if state in MARKS else shown


def _root(snapshot: Snapshot) -> str:
    groups: dict[str, list[ProjectState]] = {group.name: [] for group in GROUPS}
    names = {state: group.name for group in GROUPS for state in group.states}
    leaving: list[ProjectState] = []
    for view in snapshot.projects.values():
        if not _gone(view):
            now = project_state(snapshot, view)
            (leaving if view.deletion else groups[names[now.state]]).append(now)
    counts = " · ".join(f"{name.lower()} {len(members)}" for name, members in groups.items() if members)
    lines = [f"# {text(snapshot.settings.name) or 'What is'}", "", counts or "No projects yet.", ""]
    lines += problems(snapshot)
    for group in GROUPS:
        members = groups[group.name]
        rows = table(group.heads, (_row(snapshot, group, now) for now in members), len(members), group.most)
        lines += [f"## {group.name} ({len(members)})", "", *rows] if rows else []
    lines += [*_leaving(leaving), *_nodes(snapshot)]
    lines += [
        *([LEGEND, ""] if counts else []),
        "Written by Winslow's nodes, never by hand; what is wanted is on <code>main</code>.",
        "",
    ]
    return "\n".join(lines)


root_board: Memo[Snapshot, str] = Memo(_root, 2)
"""`README.md` of `winslow/state`."""


def _gone(view: ProjectView) -> bool:
    """Nothing is left of it but its numbers."""
    return view.deletion is not None and view.tombstone is not None and view.tombstone.state == "purged"


def problems(snapshot: Snapshot) -> list[str]:
    """Files that do not parse, each with its place."""
    found = [f"- ⚠️ {text(problem)}" for problem in islice(snapshot.problems, PROBLEMS)]
    more = len(snapshot.problems) - len(found)
    left = [f"- and {more} more"] if more > 0 else []
    return ["## Files that do not parse", "", *found, *left, ""] if found else []


def _row(snapshot: Snapshot, group: Group, now: ProjectState) -> list[str]:
    view = snapshot.projects[now.project]
    cells = {
        "project": lambda: _named(view),
        "stages": lambda: strip(stage_states(snapshot, view)),
        "state": lambda: word(now.state),
        "why": lambda: why(now),
        "stage": lambda: text(now.stage or ""),
        "execution": lambda: _execution(view, now.execution),
        "node": lambda: text(now.execution.claim.node) if now.execution else "",
        "pipeline": lambda: text(now.pipeline),
        "result": lambda: result(now.execution, 3),
    }
    return [cells[head]() for head in group.heads]


def _named(view: ProjectView) -> str:
    """Nothing is written of a project before its first reply, so there is no board to link to."""
    return link(title(view), layout.board(view.id)) if view.replies else title(view)


def title(view: ProjectView) -> str:
    """The project's name if there is something to see of it, else its id."""
    return text(view.project.name if view.project else "", 80) or text(view.id)


def strip(stages: Sequence[StageState]) -> str:
    """One mark a stage."""
    return "".join(MARKS.get(stage.state, REST) for stage in stages[:STRIP]) + ("…" if len(stages) > STRIP else "")


def why(now: ProjectState) -> str:
    where = f"{text(now.stage)}: " if now.stage and now.text else text(now.stage or "")
    could = f" (could run on {text(', '.join(now.could), WHY)})" if now.could and now.state == "queued" else ""
    return f"{where}{text(now.text, WHY)}{could}"


def _execution(view: ProjectView, record: Execution | None) -> str:
    if record is None:
        return ""
    return link(str(record.execution), layout.execution(view.id, record.execution, record.stage))


def result(record: Execution | None, most: int = 6) -> str:
    """The first few metrics and values."""
    if record is None or record.result is None:
        return ""
    values = {**record.result.metrics, **record.result.values}
    return " ".join(code(f"{name} {_short(value)}") for name, value in islice(values.items(), most))


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _leaving(members: Sequence[ProjectState]) -> list[str]:
    rows = table(("project", "why"), ([text(now.project), text(now.text, WHY)] for now in members), len(members), FEW)
    return [f"## Being deleted ({len(members)})", "", *rows] if rows else []


def _nodes(snapshot: Snapshot) -> list[str]:
    rows = table(("node", "has", "runs", "state"), _each_node(snapshot), len(snapshot.inventories))
    return [f"## Nodes ({len(snapshot.inventories)})", "", *rows] if rows else []


def _each_node(snapshot: Snapshot) -> Iterator[list[str]]:
    running: dict[str, list[str]] = {}
    for view in open_views(snapshot):
        for record in view.executions:
            if record.state.active:
                running.setdefault(record.claim.node, []).append(f"{view.id}/{record.execution} {record.stage}")
    for name, inventory in sorted(snapshot.inventories.items()):
        settings = snapshot.nodes.get(name)
        gpus = ", ".join(f"{gpu.model or 'GPU'}" for gpu in inventory.gpus[:8])
        memory = [f"{inventory.memory / 2**30:.0f} GiB"] if inventory.memory else []
        cores = "1 core" if inventory.cpus == 1 else f"{inventory.cpus} cores"
        state = "drains" if settings and settings.drain else ""
        facts = " · ".join([cores, *memory, *([gpus] if gpus else [])])
        yield [text(name), text(facts), text(", ".join(running.get(name, ())[:10])), state]
