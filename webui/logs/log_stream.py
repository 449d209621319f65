"""A log as it grows, as server-sent events, and a whole log as a file.

Each event has an id, `<bytes of the log>-<events of the system>`, from which on a browser goes on after a break. The
log is read only as fast as the browser takes it; who falls far behind is told how much was left out.
"""

import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import takewhile
from typing import TYPE_CHECKING
from urllib.parse import quote

import anyio
from anyio.to_thread import run_sync
from markupsafe import Markup
from sse_starlette.sse import EventSourceResponse
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from flow.model.snapshot import ProjectView
from runner.logs.log_lines import backward, forward
from runner.logs.log_source import LogSource
from schema.execution import Execution
from state.contract.errors import StateError
from webui.access.person import still
from webui.logs.log_pages import LINES, line_time, merged, seconds
from webui.logs.log_rows import rows
from webui.logs.logbook import Logbook, logbook

if TYPE_CHECKING:
    from webui.site import Page

PAUSE = 2.0
"""Seconds after which a log that could not be read is tried again."""
BEHIND = 4 * 1024 * 1024
"""Bytes; what is older is left out of the stream, and still there on the page."""
PATIENCE = 60.0
"""Seconds that a browser may take to accept one event."""
PIECE = 1 << 20
GAP = Markup('<p class="gap">… {} bytes came faster than they could be shown; scroll up from here to read them</p>\n')
_ID = re.compile(r"(\d{1,15})-(\d{1,6})")


@dataclass(frozen=True, slots=True)
class LogStep:
    """What is new, if anything, and from where to go on."""

    rows: Markup
    at: int
    seen: int
    more: bool
    over: bool
    pause: float


class LogStream:
    def __init__(self, page: "Page") -> None:
        self.page = page

    async def follow(self, request: Request) -> Response:
        """`…/log`: from `Last-Event-ID`, else `?from=`, else from where there are some lines to the end."""
        book = (await run_sync(self._found, request))[2]
        said = request.headers.get("last-event-id") or request.query_params.get("from", "")
        match = _ID.fullmatch(said)
        at, seen = (int(match[1]), int(match[2])) if match else (await run_sync(_near_end, book.source), 0)
        return EventSourceResponse(self._events(request, at, seen), ping=15, send_timeout=PATIENCE)

    async def download(self, request: Request) -> Response:
        """`…/log/raw`: what there is of it now."""
        view, record, book = await run_sync(self._found, request)
        size = await run_sync(book.source.size)
        name = quote(f"{view.id}-{record.execution}-{record.stage}.log")
        headers = {"content-length": str(size), "content-disposition": f"attachment; filename*=UTF-8''{name}"}
        return StreamingResponse(_pieces(book.source, size), media_type="text/plain; charset=utf-8", headers=headers)

    def _found(self, request: Request) -> tuple[ProjectView, Execution, Logbook]:
        try:
            look = self.page.source.look()
        except StateError as error:
            raise HTTPException(503, str(error)) from None
        view = look.snapshot.projects.get(request.path_params["id"])
        record = view.execution(request.path_params["number"]) if view else None
        if view is None or record is None:
            raise HTTPException(404, "there is no such execution")
        return view, record, logbook(view, record, look, self.page.data, self.page.source.clone)

    async def _events(self, request: Request, at: int, seen: int) -> AsyncIterator[dict[str, str]]:
        while still(request.scope):
            try:
                step = await run_sync(partial(self._step, request, at, seen))
            except HTTPException:
                yield {"event": "end", "data": "gone"}
                return
            except OSError:
                await anyio.sleep(PAUSE)
                continue
            at, seen = step.at, step.seen
            if step.rows:
                yield {"event": "lines", "id": f"{at}-{seen}", "data": str(step.rows)}
            if step.over:
                yield {"event": "end", "data": "1"}
                return
            if not step.more:
                await anyio.sleep(step.pause)

    def _step(self, request: Request, at: int, seen: int) -> LogStep:
        """The record is looked at before the log: of a log that has ended, all is there."""
        _, record, book = self._found(request)
        if record.state.active and not book.live:  # its node does not answer now
            return LogStep(Markup(""), at, seen, more=False, over=False, pause=PAUSE)
        source, size, gap = book.source, book.source.size(), Markup("")
        if size - at > BEHIND:
            near = _near_end(source)
            gap, at = GAP.format(near - at), near
        raws = forward(source, at, LINES) if size > at else []
        if raws and raws[-1].open and book.live:
            raws.pop()
        told = book.events[seen:]
        end = raws[-1].end if raws else at
        more = len(raws) == LINES
        over = not book.live and not more and end >= size
        if more:  # what is later than these lines waits for them
            last = line_time(raws[-1])
            told = tuple(takewhile(lambda event: seconds(event.time) < last, told))
        number = self.page.numbers.at(source, at, book.near) if raws else None
        made = rows(merged(raws, told), number)
        return LogStep(gap + made, end, seen + len(told), more, over, book.every)


def _near_end(source: LogSource) -> int:
    """Where the last lines begin."""
    size = source.size()
    found = backward(source, size, LINES)
    return found[0].start if found else size


def _pieces(source: LogSource, size: int) -> Iterator[bytes]:
    at = 0
    while at < size and (piece := source.read(at, min(PIECE, size - at))):
        yield piece
        at += len(piece)
