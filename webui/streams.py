"""What streams: server-sent events that say which projects changed. A page fetches what it shows of them anew."""

import asyncio
from collections.abc import AsyncIterator

from sse_starlette.sse import EventSourceResponse
from starlette.requests import Request
from starlette.responses import Response

from webui.access.who import still
from webui.source import Look, Watch

STILL_THERE = 60.0
"""Seconds after which it is looked anew whether who listens may still do so, where nothing happens."""
MOST = 200
"""Changed projects in one event; of more, only that everything may have changed."""


def changed(look: Look, before: Look | None) -> list[str]:
    """Names of events: `project-<id>` for each that changed, `list` where some came or went, and always `any`.

    `all` in place of a great many.
    """
    if before is None:
        return ["all", "any"]
    new, old = look.snapshot.projects, before.snapshot.projects
    ids = [id for id in new.keys() | old.keys() if new.get(id) is not old.get(id)]
    if len(ids) > MOST:
        return ["all", "any"]
    others = ["list"] if new.keys() != old.keys() else []
    return [*(f"project-{id}" for id in sorted(ids)), *others, "any"]


class Events:
    """`/events`: one stream for each open page."""

    def __init__(self, watch: Watch) -> None:
        self.watch = watch

    async def answer(self, request: Request) -> Response:
        return EventSourceResponse(self._stream(request, request.query_params.get("seen", "")), ping=15)

    async def _stream(self, request: Request, seen: str) -> AsyncIterator[dict[str, str]]:
        loop, queue = asyncio.get_running_loop(), asyncio.Queue[list[str]](maxsize=100)

        def put(names: list[str]) -> None:
            if queue.full():
                queue.get_nowait()
                names = ["all", "any"]
            queue.put_nowait(names)

        def heard(look: Look, before: Look | None) -> None:
            loop.call_soon_threadsafe(put, changed(look, before))

        end = self.watch.listen(heard)
        if self._newer(seen):
            put(["all", "any"])
        try:
            while True:
                try:
                    names = await asyncio.wait_for(queue.get(), STILL_THERE)
                except TimeoutError:
                    names = []
                if not still(request.scope):
                    return
                for name in names:
                    yield {"event": name, "data": "1"}
        finally:
            end()

    def _newer(self, seen: str) -> bool:
        """Whether something happened between the page's making and its listening, or while it did not hear."""
        last = self.watch.last
        return bool(seen) and last is not None and view_of(last) != seen


def view_of(look: Look) -> str:
    """The commits that are shown."""
    return f"{look.snapshot.main[:16]}.{look.snapshot.state[:16]}"
