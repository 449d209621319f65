"""The root board: what a repository browser shows of the state, as Markdown. The same bytes for the same snapshot.

No times that run on, so a board changes only when something happened. Bounded, whatever the repository holds.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from flow.boards.markdown import code, link, table, text
from flow.model.memo import Memo
from flow.model.snapshot import ProjectView, Snapshot
from flow.node.node_states import standing
from flow.project.active import open_views
from flow.status.asked import moment
from flow.status.states import ProjectState, StageState, fault_text, project_state, stage_states
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
class BoardGroup:
    """A part of the root board: which project states it shows, in which columns, how many of them by name."""

    name: str
    states: tuple[str, ...]
    heads: tuple[str, ...]
    most: int = ROWS


GROUPS = (
    BoardGroup("Needs you", ("needs_input", "failed", "invalid"), ("project", "stages", "state", "why")),
    BoardGroup("Runs", ("running",), ("project", "stages", "stage", "execution", "node", "why")),
    BoardGroup("Waits", ("queued", "paused"), ("project", "stages", "state", "why")),
    BoardGroup("Not started", ("new",), ("project", "pipeline", "why"), FEW),
    BoardGroup("Done", ("succeeded",), ("project", "stages", "pipeline", "result"), FEW),
)


def word(state: str) -> str:
    """A state with its mark."""
    shown = WORDS.get(state, state)
    return f"{MARKS[state]} {shown}" if state in MARKS else shown


LEAVING, GONE = "leaving", "gone"


def _place(view: ProjectView) -> str:
    """The group a project is in. Of the repository only its own view decides that, so it is looked up once."""
    if view.deletion:
        return GONE if view.purged else LEAVING
    state = project_state(Snapshot("", ""), view).state
    return next(group.name for group in GROUPS if state in group.states)


_place_of: Memo[ProjectView, str] = Memo(_place)


def _root(snapshot: Snapshot) -> str:
    places: dict[str, list[ProjectView]] = {name: [] for name in (*(group.name for group in GROUPS), LEAVING, GONE)}
    for view in snapshot.projects.values():
        places[_place_of(view)].append(view)
    counts = " · ".join(f"{group.name.lower()} {len(places[group.name])}" for group in GROUPS if places[group.name])
    lines = [f"# {text(snapshot.settings.name) or 'What is'}", "", counts or "No projects yet.", ""]
    lines += problems(snapshot)
    for group in GROUPS:
        lines += _group(snapshot, group, places[group.name])
    lines += [*_leaving(snapshot, places[LEAVING]), *_nodes(snapshot), *([LEGEND, ""] if counts else [])]
    return "\n".join([*lines, "Written by Winslow's nodes, never by hand; what is wanted is on <code>main</code>.", ""])


root_board: Memo[Snapshot, str] = Memo(_root, 2)
"""`README.md` of `winslow/state`."""


def problems(snapshot: Snapshot) -> list[str]:
    """Files that do not parse, that nothing reads, or that nobody answers, each with its place."""
    found = [f"- ⚠️ {text(problem.text)}" for problem in islice(snapshot.problems, PROBLEMS)]
    more = len(snapshot.problems) - len(found)
    left = [f"- and {more} more"] if more > 0 else []
    return ["## Files without effect", "", *found, *left, ""] if found else []


def _group(snapshot: Snapshot, group: BoardGroup, members: Sequence[ProjectView]) -> list[str]:
    rows = table(group.heads, (_row_or_fault(snapshot, group, view) for view in members), len(members), group.most)
    return [f"## {group.name} ({len(members)})", "", *rows] if rows else []


def _row_or_fault(snapshot: Snapshot, group: BoardGroup, view: ProjectView) -> list[str]:
    """A fault in one project's row is told in that row: all others are drawn."""
    try:
        return _row(snapshot, group, view)
    except Exception as error:
        told = {"project": text(view.id), "state": word("invalid"), "why": text(fault_text(error), WHY)}
        return [told.get(head, "") for head in group.heads]


def _row(snapshot: Snapshot, group: BoardGroup, view: ProjectView) -> list[str]:
    now = project_state(snapshot, view)
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
    asked = f" at {moment(now.pauses.at)}" if now.pauses and now.pauses.at else ""
    where = f"{text(now.stage)}: " if now.stage and now.text else text(now.stage or "")
    could = f" (could run on {text(', '.join(now.could), WHY)})" if now.could and now.state == "queued" else ""
    return f"{where}{text(now.text, WHY)}{asked}{could}"


def _execution(view: ProjectView, record: Execution | None) -> str:
    if record is None:
        return ""
    return link(str(record.execution), layout.execution(view.id, record.execution, record.slot))


def result(record: Execution | None, most: int = 6) -> str:
    """The first few metrics and values."""
    if record is None or record.result is None:
        return ""
    values = {**record.result.metrics, **record.result.values}
    return " ".join(code(f"{name} {_short(value)}") for name, value in islice(values.items(), most))


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _leaving(snapshot: Snapshot, members: Sequence[ProjectView]) -> list[str]:
    told = ([text(view.id), text(project_state(snapshot, view).text, WHY)] for view in members)
    rows = table(("project", "why"), told, len(members), FEW)
    return [f"## Being deleted ({len(members)})", "", *rows] if rows else []


def _nodes(snapshot: Snapshot) -> list[str]:
    rows = table(("node", "has", "runs", "state"), _each_node(snapshot), len(snapshot.inventories))
    return [f"## Nodes ({len(snapshot.inventories)})", "", *rows] if rows else []


def _state(snapshot: Snapshot, name: str) -> str:
    clock = snapshot.inventories[name].clock
    return "; ".join(filter(None, (standing(snapshot, name).why, f"its clock was {clock}" if clock else "")))


def _each_node(snapshot: Snapshot) -> Iterator[list[str]]:
    running: dict[str, list[str]] = {}
    for view in open_views(snapshot):
        for record in view.executions:
            if record.state.active:
                running.setdefault(record.claim.node, []).append(f"{view.id}/{record.execution} {record.stage}")
    for name, inventory in sorted(snapshot.inventories.items()):
        gpus = ", ".join(f"{gpu.model or 'GPU'}" for gpu in inventory.gpus[:8])
        memory = [f"{inventory.memory / 2**30:.0f} GiB"] if inventory.memory else []
        cores = "1 core" if inventory.cpus == 1 else f"{inventory.cpus} cores"
        facts = " · ".join([cores, *memory, *([gpus] if gpus else [])])
        yield [text(name), text(facts), text(", ".join(running.get(name, ())[:10])), text(_state(snapshot, name))]
