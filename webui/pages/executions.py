"""One execution: what it was, what came of it, and its log, live where it runs on this machine."""

import difflib
from collections.abc import Iterator
from itertools import islice

from flask import Blueprint, Response, jsonify, redirect, render_template, request, url_for

from flow.model.snapshot import ProjectView
from flow.status.compare import ComparisonRow, compare, duration
from flow.status.states import stale
from runner.logs.log_file import clean, parse
from runner.store.errors import StoreError
from schema import layout
from schema.execution import Execution, State
from webui.files.places import FileRoot, tree
from webui.logs.log_pages import last_words
from webui.pages.common import look, page, project
from webui.pages.logs import book_of, execution, part_of
from webui.pages.previews import glance
from webui.views.charts import ChartFrame, framed
from webui.views.comments import shown
from webui.views.exhibits import exhibits
from webui.views.regions import drawings
from webui.views.tables import Table, tables
from webui.views.usage import usage
from webui.views.wording import REMEDIES, WORDS, inputs

pages = Blueprint("executions", __name__)
MOST_LINES = 400


@pages.get("/projects/<id>/<int:number>")
def show(id: str, number: int) -> str:
    view = project(id)
    record = execution(view, number)
    book = book_of(view, record)
    used = usage(page().data, record)
    same = [each for each in view.executions if each.stage == record.stage]
    place = same.index(record)
    before = same[place - 1] if place else None
    return render_template(
        "execution.html",
        view=view,
        e=record,
        inputs=inputs(view, record),
        regions=drawings(view, record),
        words=WORDS,
        remedies=REMEDIES,
        stale=number in stale(view),
        book=book,
        part=part_of(book),
        last_words=last_words(book) if record.state is State.FAILED else "",
        panels=used.panels(_expected(record) if book.live else frozenset()) if used else [],
        before=before,
        after=same[place + 1] if place + 1 < len(same) else None,
        changed=[each for each in compare(before, record) if not each.same] if before else [],
        tables=tables(view, record, look(), page().data),
        comments=[each for each in shown(view, look(), page().source.clone) if each.execution == number],
        took=duration,
    )


@pages.get("/projects/<id>/executions/<int:number>/usage")
def used(id: str, number: int) -> Response:
    found = usage(page().data, execution(project(id), number))
    return jsonify(found.columns() if found else {"time": []})


@pages.get("/projects/<id>/compare")
def chosen(id: str) -> Response:
    """The form that takes two numbers leads to their page."""
    numbers = [request.args.get(name, type=int) or 0 for name in ("left", "right")]
    left, right = (execution(project(id), number).execution for number in numbers)
    return redirect(url_for("executions.beside", id=id, left=left, right=right), code=303)  # type: ignore[return-value]


@pages.get("/projects/<id>/compare/<int:left>/<int:right>")
def beside(id: str, left: int, right: int) -> str:
    view = project(id)
    one, other = execution(view, left), execution(view, right)
    rows: list[ComparisonRow] = compare(one, other)
    rows.sort(key=lambda each: each.same)
    clone = page().source.clone
    shows = [{each.path: each for each in exhibits(view, record, clone)} for record in (one, other)]
    return render_template(
        "compare.html", view=view, left=left, right=right, rows=rows, log=_log_difference(view, one, other),
        shows=[(path, *(known.get(path) for known in shows)) for path in dict.fromkeys([*shows[0], *shows[1]])],
        tables=list(_tables(view, one, other)), glance=glance,
        gone=[(record.execution, why) for record in (one, other) if (why := _gone(view, record))],
    )  # fmt: skip


def _tables(
    view: ProjectView, one: Execution, other: Execution
) -> Iterator[tuple[str, ChartFrame, Table | None, Table | None]]:
    """Charts of one path in one frame, so that heights can be compared."""
    left, right = ({each.path: each for each in tables(view, record, look(), page().data)} for record in (one, other))
    for path in dict.fromkeys([*left, *right]):
        pair = left.get(path), right.get(path)
        yield path, framed([line.points for each in pair if each for line in each.lines]), *pair


def _gone(view: ProjectView, record: Execution) -> str:
    """Why files of it cannot be shown; empty where they can."""
    data = page().data
    if data is None:
        return ""
    try:
        tree(data, look(), FileRoot(view.id, record.execution))
    except StoreError as error:
        return str(error)
    return ""


def _log_difference(view: ProjectView, one: Execution, other: Execution) -> list[str]:
    """Of what the repository has of both logs, without times: what a program says of other settings."""
    left, right = (_said(view, record) for record in (one, other))
    return list(islice(difflib.unified_diff(left, right, lineterm="", n=1), 2, MOST_LINES))


def _said(view: ProjectView, record: Execution) -> list[str]:
    text = page().source.clone.read_text(layout.log(view.id, record.execution, record.slot)) or ""
    return [clean(parse(line).text) for line in text.splitlines()]


def _expected(record: Execution) -> frozenset[str]:
    """What is measured of every stage that runs here, so that there is room for it from the beginning."""
    return frozenset({"cpu", "memory", "gpu"} if record.gpus else {"cpu", "memory"})
