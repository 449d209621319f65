"""The first page: what needs you, what runs, what waits and why, what is done. One line a project."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from flask import Blueprint, Response, make_response, render_template, request

from flow.memo import Memo
from flow.open import open_views
from flow.views import ProjectState, StageState, project_state, stage_states
from flow.world import ProjectView, Snapshot
from runner import feedback
from webui.pages.common import look, page, project

pages = Blueprint("overview", __name__)
PER_PAGE = 100
GROUPS = (
    ("needs you", ("needs_input", "failed", "invalid")),
    ("runs", ("running",)),
    ("waits", ("queued", "paused")),
    ("not started", ("new",)),
    ("done", ("succeeded",)),
)


@dataclass(frozen=True, slots=True)
class Row:
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
    def record(self):  # type: ignore[no-untyped-def]
        return self.now.execution or (self.view.executions[-1] if self.view.executions else None)

    @property
    def since(self) -> str | None:
        times = self.record.times if self.record else None
        return (times.finished or times.started or times.claimed) if times else None

    @property
    def progress(self) -> float | None:
        """Percent, where its stage runs on this machine."""
        data, record = page().data, self.now.execution
        if data is None or record is None or not record.state.active:
            return None
        return feedback.progress(data / "runs" / record.claim.container)


def row(snapshot: Snapshot, view: ProjectView) -> Row:
    return Row(view, project_state(snapshot, view), tuple(stage_states(snapshot, view)))


class Rows:
    """All rows of a snapshot. Of the last one's, those are kept whose project rests on an unchanged fleet."""

    def __init__(self) -> None:
        self._fleet: object = None
        self._known: dict[str, Row] = {}

    def of(self, snapshot: Snapshot) -> Mapping[str, Row]:
        fleet = (snapshot.inventories, snapshot.nodes, snapshot.settings)
        known = self._known if fleet == self._fleet else {}
        restless = {view.id for view in open_views(snapshot)}
        found = {}
        for id, view in snapshot.projects.items():
            before = known.get(id)
            found[id] = before if before and before.view is view and id not in restless else row(snapshot, view)
        self._fleet, self._known = fleet, found
        return found


def _all_tags(snapshot: Snapshot) -> list[str]:
    return sorted({tag for view in snapshot.projects.values() if view.project for tag in view.project.tags})


rows: Memo[Snapshot, Mapping[str, Row]] = Memo(Rows().of, 2)
tags: Memo[Snapshot, list[str]] = Memo(_all_tags, 2)


@pages.get("/")
def index() -> str:
    wanted = {name: request.args.get(name, "").strip() for name in ("q", "tag", "state", "pipeline", "group")}
    snapshot = look().snapshot
    found = [each for each in rows(snapshot).values() if _fits(each, wanted)]
    number = max(1, request.args.get("page", 1, type=int))
    groups = _by_tag(found) if wanted["group"] == "tag" else _grouped(found)
    return render_template(
        "overview.html" if not request.headers.get("HX-Request") else "_projects.html",
        groups=_paged(groups, number),
        total=len(found),
        page=number,
        pages=-(-len(found) // PER_PAGE) or 1,
        wanted=wanted,
        tags=tags(snapshot),
        problems=snapshot.problems,
    )


@pages.get("/rows/<id>")
def line(id: str) -> Response:
    """One line anew, when something happened to the project. The list is asked for where it belongs elsewhere now."""
    found, place = row(look().snapshot, project(id)), request.args.get("in", "")
    answer = make_response(render_template("_row.html", row=found, name=place))
    groups = {name for name, states in GROUPS}
    if place in groups and place != group_of(found):
        answer.headers["HX-Trigger-After-Settle"] = "regroup"
    return answer


def group_of(each: Row) -> str:
    return next(name for name, states in GROUPS if each.now.state in states)


def _fits(each: Row, wanted: Mapping[str, str]) -> bool:
    text = wanted["q"].lower()
    return (
        (not text or text in each.view.id.lower() or text in each.title.lower())
        and (not wanted["tag"] or wanted["tag"] in each.tags)
        and (not wanted["state"] or each.now.state == wanted["state"])
        and (not wanted["pipeline"] or each.now.pipeline == wanted["pipeline"])
    )


def _grouped(found: Iterable[Row]) -> list[tuple[str, list[Row]]]:
    by_state: dict[str, list[Row]] = {}
    for each in found:
        by_state.setdefault(each.now.state, []).append(each)
    return [(name, [each for state in states for each in by_state.get(state, ())]) for name, states in GROUPS]


def _by_tag(found: Iterable[Row]) -> list[tuple[str, list[Row]]]:
    """A project with several tags stands under the first."""
    by_tag: dict[str, list[Row]] = {}
    for each in found:
        by_tag.setdefault(each.tags[0] if each.tags else "", []).append(each)
    return [(tag or "without a tag", by_tag[tag]) for tag in sorted(by_tag, key=lambda tag: (not tag, tag))]


def _paged(groups: list[tuple[str, list[Row]]], number: int) -> list[tuple[str, int, list[Row]]]:
    """The groups with their whole counts, and of their rows those of one page."""
    skip, room, shown = (number - 1) * PER_PAGE, PER_PAGE, []
    for name, members in groups:
        part = members[skip : skip + room]
        skip, room = max(0, skip - len(members)), room - len(part)
        shown.append((name, len(members), part))
    return shown
