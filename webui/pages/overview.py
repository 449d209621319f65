"""The first page: what needs you, what runs, what waits and why, what is done. One line a project."""

from collections.abc import Iterable
from dataclasses import dataclass

from flask import Blueprint, Response, make_response, render_template, request

from webui.pages.common import look, project
from webui.views.project_rows import WANTED, ProjectRow, fits, row, rows, tags

pages = Blueprint("overview", __name__)
PER_PAGE = 100
GROUPS = (
    ("needs you", ("needs_input",)),
    ("failed", ("failed", "invalid")),
    ("running", ("running",)),
    ("waiting", ("queued", "paused")),
    ("not started", ("new",)),
    ("finished", ("succeeded",)),
    ("deleted", ("deleted",)),
)


SHOWN = ("needs you", "failed", "running", "waiting", "finished")
"""Groups that have a tile."""


@pages.get("/")
def index() -> str:
    wanted = {name: request.args.get(name, "").strip() for name in (*WANTED, "group")}
    snapshot = look().snapshot
    found = [each for each in rows(snapshot).values() if fits(each, wanted)]
    number = max(1, request.args.get("page", 1, type=int))
    groups = _by_tag(found) if wanted["group"] == "tag" else _grouped(found)
    fragment = bool(request.headers.get("HX-Request"))
    return render_template(
        "_projects.html" if fragment else "overview.html",
        fragment=fragment,
        groups=_paged(groups, number),
        tiles=_tiles(_grouped(found)),
        total=len(found),
        page=number,
        per_page=PER_PAGE,
        pages=-(-len(found) // PER_PAGE) or 1,
        wanted=wanted,
        tags=tags(snapshot),
        problems=[problem.text for problem in snapshot.problems],
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


def _place(each: ProjectRow) -> str:
    """Its state, but for a deleted one: that can be restored for a while, and needs nobody."""
    return "deleted" if each.view.deletion else each.now.state


def group_of(each: ProjectRow) -> str:
    return next(name for name, states in GROUPS if _place(each) in states)


def _grouped(found: Iterable[ProjectRow]) -> list[tuple[str, list[ProjectRow]]]:
    by_state: dict[str, list[ProjectRow]] = {}
    for each in found:
        by_state.setdefault(_place(each), []).append(each)
    return [(name, [each for state in states for each in by_state.get(state, ())]) for name, states in GROUPS]


@dataclass(frozen=True, slots=True)
class Tile:
    """How many projects are in one group, something about the one that matters most, and the page it begins on."""

    name: str
    count: int
    text: str
    since: str
    page: int


def _tiles(groups: Iterable[tuple[str, list[ProjectRow]]]) -> list[Tile]:
    """Of what waits or runs the oldest is told, of what is over the newest."""
    tiles, before = list[Tile](), 0
    for name, members in groups:
        times = sorted(each.since for each in members if each.since)
        if name in SHOWN:
            word, at = ("newest", -1) if name in ("failed", "finished") else ("oldest", 0)
            text, since = (word, times[at]) if times else ("", "")
            tiles.append(Tile(name, len(members), text, since, before // PER_PAGE + 1))
        before += len(members)
    return tiles


def _by_tag(found: Iterable[ProjectRow]) -> list[tuple[str, list[ProjectRow]]]:
    """A project with several tags stands under the first."""
    by_tag: dict[str, list[ProjectRow]] = {}
    for each in found:
        by_tag.setdefault(each.tags[0] if each.tags else "", []).append(each)
    return [(tag or "without a tag", by_tag[tag]) for tag in sorted(by_tag, key=lambda tag: (not tag, tag))]


def _paged(groups: list[tuple[str, list[ProjectRow]]], number: int) -> list[tuple[str, int, list[ProjectRow]]]:
    """The groups with their whole counts, and of their rows those of one page."""
    skip, room, shown = (number - 1) * PER_PAGE, PER_PAGE, []
    for name, members in groups:
        part = members[skip : skip + room]
        skip, room = max(0, skip - len(members)), room - len(part)
        shown.append((name, len(members), part))
    return shown


@pages.get("/fleet")
def fleet() -> str:
    """What stands beside every page, when something has changed while it is open."""
    return render_template("_fleet.html")


@pages.get("/unsent")
def unsent() -> str:
    """What waits to be sent, when that has changed while a page is open."""
    return render_template("_unsent.html")


@pages.get("/still")
def still() -> tuple[str, int]:
    """Whether a form that is sent now would arrive here, and be let in. Asks nothing of the repository."""
    return "", 204
