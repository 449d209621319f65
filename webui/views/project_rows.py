"""Projects on one line each: what the first page and the API list, and what can be asked of the list."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from flow.model.memo import Memo
from flow.model.snapshot import ProjectView, Snapshot, present
from flow.node.node_states import standings
from flow.project.active import open_views
from flow.status.states import ProjectState, StageState, project_state, stage_states
from runner.logs.log_file import clean, parse
from schema import layout
from schema.execution import Execution
from state.contract.errors import StateError


@dataclass(frozen=True, slots=True)
class ProjectRow:
    """A project on one line."""

    view: ProjectView
    now: ProjectState
    stages: tuple[StageState, ...]

    @property
    def title(self) -> str:
        return (self.view.project.name if self.view.project else "") or self.view.id

    @property
    def tags(self) -> tuple[str, ...]:
        return tuple(self.view.project.tags) if self.view.project else ()

    @property
    def record(self) -> Execution | None:
        return self.now.execution or (self.view.executions[-1] if self.view.executions else None)

    @property
    def since(self) -> str | None:
        times = self.record.times if self.record else None
        return (times.finished or times.started or times.claimed) if times else None


def row(snapshot: Snapshot, view: ProjectView) -> ProjectRow:
    return ProjectRow(view, project_state(snapshot, view), tuple(stage_states(snapshot, view)))


class Rows:
    """All rows of a snapshot. Of the last one's, those are kept whose project rests on an unchanged fleet."""

    def __init__(self) -> None:
        self._fleet: object = None
        self._known: dict[str, ProjectRow] = {}

    def of(self, snapshot: Snapshot) -> Mapping[str, ProjectRow]:
        states = {node: found.state for node, found in standings(snapshot).items()}
        fleet = (snapshot.inventories, snapshot.nodes, snapshot.settings, states)
        known = self._known if fleet == self._fleet else {}
        restless = {view.id for view in open_views(snapshot)}
        found = {}
        for view in present(snapshot):
            id = view.id
            before = known.get(id)
            found[id] = before if before and before.view is view and id not in restless else row(snapshot, view)
        self._fleet, self._known = fleet, found
        return found


def _all_tags(snapshot: Snapshot) -> list[str]:
    return sorted({tag for view in snapshot.projects.values() if view.project for tag in view.project.tags})


rows: Memo[Snapshot, Mapping[str, ProjectRow]] = Memo(Rows().of, 2)
tags: Memo[Snapshot, list[str]] = Memo(_all_tags, 2)


WANTED = ("q", "tag", "state", "pipeline")
"""What a filter of projects may say."""


def fits(each: ProjectRow, wanted: Mapping[str, str]) -> bool:
    """`wanted` has `q`, a part of the id or the name, `tag`, `state` and `pipeline`; what is empty fits all."""
    text = wanted["q"].lower()
    return (
        (not text or text in each.view.id.lower() or text in each.title.lower())
        and (not wanted["tag"] or wanted["tag"] in each.tags)
        and (not wanted["state"] or each.now.state == wanted["state"])
        and (not wanted["pipeline"] or each.now.pipeline == wanted["pipeline"])
    )


LONGEST_LINE, LINES_KEPT = 160, 2000


class LastLines:
    """How the log of a failed execution ends, as the repository has it. A record that ended never changes."""

    def __init__(self, read: Callable[[str], str | None]) -> None:
        self.read = read
        self._known: dict[str, str] = {}

    def __call__(self, each: ProjectRow) -> str:
        record = each.record
        if record is None or not record.state.ended:
            return ""
        key = f"{each.view.id}/{record.execution}/{record.claim.id}"
        if key not in self._known:
            if len(self._known) > LINES_KEPT:
                self._known.clear()
            self._known[key] = self._look(each.view.id, record)
        return self._known[key]

    def _look(self, project: str, record: Execution) -> str:
        try:
            text = self.read(layout.log(project, record.execution, record.slot)) or ""
        except StateError:
            return ""
        said = (clean(parse(line).text).strip() for line in reversed(text.splitlines()))
        return next((line for line in said if line), "")[:LONGEST_LINE]
