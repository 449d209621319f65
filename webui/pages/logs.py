"""Parts of a log: the lines before and after, around one, and those that hold a text."""

import threading
from collections.abc import Generator
from dataclasses import dataclass

from flask import Blueprint, Response, abort, g, jsonify, render_template, request, stream_template
from markupsafe import Markup

from flow.model.snapshot import ProjectView
from runner.logs import log_search
from schema.execution import Execution
from webui.logs.log_pages import LogPart, LogParts
from webui.logs.log_rows import rows
from webui.logs.logbook import Logbook, logbook
from webui.pages.common import look, page, project

pages = Blueprint("logs", __name__)
SEARCHES = threading.BoundedSemaphore(3)
"""Searches at a time; each reads a whole log."""


@dataclass(frozen=True, slots=True)
class Found:
    """A hit as it is shown: its line among its neighbours."""

    number: int
    rows: Markup


def execution(view: ProjectView, number: int) -> Execution:
    found = view.execution(number)
    if found is None:
        abort(404, f"There is no execution {number} of {view.id}; it has {view.last_execution}")
    return found


def book_of(view: ProjectView, record: Execution) -> Logbook:
    """In the past, as far as it is known now, and nothing more comes."""
    found = logbook(view, record, look(), page().data, page().source.clone)
    return found if g.get("moment") is None else Logbook(found.source, found.events, note=found.note)


def part_of(book: Logbook) -> LogPart:
    """What the address asks for: `line`, `before` or `from` a byte; else the end."""
    parts, asked = LogParts(page().numbers), request.args
    if (line := asked.get("line", type=int)) is not None:
        return parts.around(book, line)
    if (offset := asked.get("before", type=int)) is not None:
        return parts.before(book, offset)
    if (offset := asked.get("from", type=int)) is not None:
        return parts.after(book, offset)
    return parts.tail(book)


@pages.get("/projects/<id>/executions/<int:number>/log/lines")
def lines(id: str, number: int) -> Response:
    view = project(id)
    part = part_of(book_of(view, execution(view, number)))
    headers = {"X-Log-Start": str(part.start), "X-Log-Next": part.next, "X-Log-Last": str(int(part.last))}
    return Response(str(part.rows), headers=headers)


@pages.get("/projects/<id>/executions/<int:number>/log/number")
def number(id: str, number: int) -> Response:
    """Of the line that begins at `?at=`, however long it takes to count."""
    view = project(id)
    book = book_of(view, execution(view, number))
    return jsonify(page().numbers.at(book.source, request.args.get("at", 0, type=int), wait=True))


@pages.get("/projects/<id>/executions/<int:number>/log/search")
def search(id: str, number: int) -> Response | tuple[str, int]:
    """A page of its own, or its hits alone; either is sent as it is found."""
    view = project(id)
    record, text = execution(view, number), request.args.get("q", "")[: log_search.LONGEST]
    hits = _hits(book_of(view, record), text, any_case="case" not in request.args)
    if not SEARCHES.acquire(blocking=False):
        problem = {"title": "Others are searching", "text": "Try again in a moment."}
        return render_template("_message.html" if "part" in request.args else "problem.html", **problem), 503
    template = "_hits.html" if "part" in request.args else "search.html"
    most = log_search.HITS
    response = Response(stream_template(template, view=view, e=record, hits=hits, text=text, most=most))
    response.call_on_close(hits.close)
    response.call_on_close(SEARCHES.release)
    return response


def _hits(book: Logbook, text: str, *, any_case: bool) -> Generator[Found, None, None]:
    for hit in log_search.search(book.source, text, any_case=any_case):
        first = hit.number - len(hit.before)
        yield Found(hit.number, rows([*hit.before, hit.line, *hit.after], first, places=False, here=hit.line))
