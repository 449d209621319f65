"""Executions: their records, logs and load, two beside each other, and where a result comes from."""

from itertools import islice
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response

from flow.status.compare_points import runs_of
from flow.status.provenance import steps, told
from flow.status.states import stale
from schema.execution import State
from state.history.events import newest, reporting
from webui.api.dependencies import FAR, Id, Limit, Now, Number, Offset, Then
from webui.api.errors import READING, Refused
from webui.api.execution_answers import (
    Comparison,
    ExecutionDetail,
    Executions,
    Provenance,
    RankedRuns,
    Step,
    Used,
    comparison,
    detail,
    line,
    ranked,
)  # fmt: skip
from webui.logs.logbook import logbook
from webui.views.usage import usage

routes = APIRouter(tags=["executions"])
MOST_BYTES = 1 << 20
LOOKED_AT = 100_000
"""Commits in which those of an execution are looked for."""
Other = Annotated[int, Path(ge=1, lt=FAR, description="the number of the one it is compared with")]
LOG: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The bytes as they are. A line is `TIME STREAM TEXT`; the stream is O or E.",
        "content": {"text/plain": {"schema": {"type": "string"}}},
        "headers": {
            name: {"schema": {"type": "integer"}, "description": words, "required": True}
            for name, words in {
                "X-Log-Start": "the byte that the answer begins at",
                "X-Log-Next": "the byte to go on at",
                "X-Log-Size": "bytes that the log has now",
                "X-Log-Live": "1: more may come",
            }.items()
        },
    }
}


@routes.get("/projects/{id}/executions", responses=READING, summary="List executions")
def list_executions(
    id: Id,
    given: Then,
    stage: Annotated[str, Query(max_length=63, description="only of this stage")] = "",
    state: Annotated[State | None, Query(description="only in this state")] = None,
    limit: Limit = 100,
    offset: Offset = 0,
) -> Executions:
    """The newest first."""
    view = given.project(id)
    found = [
        each
        for each in reversed(view.executions)
        if (not stage or each.stage == stage) and (state is None or each.state is state)
    ]
    outdated = stale(view)
    return Executions(total=len(found), items=[line(each, outdated) for each in found[offset : offset + limit]])


@routes.get("/projects/{id}/executions/{number}", responses=READING, summary="Look at an execution")
def show_execution(id: Id, number: Number, given: Then) -> ExecutionDetail:
    """Its whole record: inputs with digests, image, environment by origin, node, times, result."""
    view, record = given.execution(id, number)
    return detail(record, stale(view))


@routes.get(
    "/projects/{id}/executions/{number}/compare/{other}",
    responses=READING,
    summary="Compare two executions",
    operation_id="compare_executions",
)
def compare(id: Id, number: Number, other: Other, given: Then) -> Comparison:
    """Command, image, inputs, environment, values, metrics: every name that either has."""
    return comparison(given.execution(id, number)[1], given.execution(id, other)[1])


@routes.get(
    "/projects/{id}/stages/{stage}/compare",
    responses=READING,
    summary="Rank all runs of a stage",
    operation_id="compare_runs",
)
def compare_runs(
    id: Id,
    stage: Annotated[str, Path(max_length=63, description="its name")],
    given: Then,
    by: Annotated[str, Query(max_length=200, description="a metric or value; nothing: in order")] = "",
    lowest: Annotated[bool, Query(description="the lowest first")] = False,
    every: Annotated[bool, Query(description="of a matrix also runs that others of the same point replaced")] = False,
) -> RankedRuns:
    """Of a matrix or a search the newest run of each point, else every execution; columns are what differs."""
    return ranked(stage, runs_of(given.project(id), stage, every=every), by, lowest=lowest)


@routes.get(
    "/projects/{id}/executions/{number}/provenance",
    responses=READING,
    summary="Where a result comes from",
    operation_id="show_provenance",
)
def provenance(id: Id, number: Number, given: Now) -> Provenance:
    """The execution, what it was built on, and so on to the first: programs, parameters and who gave them, commits."""
    view, _ = given.execution(id, number)
    chain = steps(view, number)
    events = islice(newest(given.page.source.clone), LOOKED_AT)
    commits = reporting(events, {(id, step.record.execution) for step in chain})
    found = [Step(**told(step), commits=commits.get((id, step.record.execution), {})) for step in chain]
    return Provenance(project=id, execution=number, chain=found)


@routes.get(
    "/projects/{id}/executions/{number}/log",
    responses={**READING, **LOG},
    response_class=Response,
    summary="Read a part of a log",
    operation_id="show_log",
)
def log(
    id: Id,
    number: Number,
    given: Now,
    offset: Annotated[
        int, Query(gt=-(1 << 50), lt=1 << 50, description="the byte to begin at; a negative one counts from the end")
    ] = 0,
    limit: Annotated[int, Query(ge=1, le=MOST_BYTES, description="at most so many bytes")] = 1 << 18,
) -> Response:
    """So many bytes of it, live too: ask again from `X-Log-Next`.

    Whole as a file: `/projects/ID/executions/N/log/raw`. Pushed as it grows: `/projects/ID/executions/N/log`.
    """
    view, record = given.execution(id, number)
    book = logbook(view, record, given.look, given.page.data, given.page.source.clone)
    try:
        size = book.source.size()
        start = min(size, offset if offset >= 0 else max(0, size + offset))
        content = book.source.read(start, limit)
    except OSError as error:
        raise Refused(503, f"the log is on {record.claim.node}, which does not answer: {error}") from None
    places = {"Start": start, "Next": start + len(content), "Size": size, "Live": int(book.live)}
    headers = {f"X-Log-{name}": str(value) for name, value in places.items()}
    return Response(content, media_type="text/plain; charset=utf-8", headers=headers)


@routes.get(
    "/projects/{id}/executions/{number}/usage",
    responses=READING,
    summary="What an execution used over time",
    operation_id="show_usage",
)
def used(id: Id, number: Number, given: Now) -> Used:
    """At most 300 points of each series, while it runs and after."""
    _, record = given.execution(id, number)
    found = usage(given.page.data, record)
    columns = found.columns() if found else {"time": []}
    times = [each for each in columns.pop("time") if each is not None]
    return Used(time=times, series=columns)
