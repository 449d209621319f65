"""What streams: server-sent events that say which projects changed. A page fetches what it shows of them anew."""

import asyncio
from collections.abc import AsyncIterator

from sse_starlette.sse import EventSourceResponse
from starlette.requests import Request
from starlette.responses import Response

from webui.source import Look, Watch

MOST = 200
"""Changed projects in one event; of more, only that everything may have changed."""


def changed(look: Look, before: Look | None) -> list[str]:
    """Names of events: `project-<id>` for each that changed, `all` for a great many, and always `any`."""
    if before is None:
        return ["all", "any"]
    new, old = look.snapshot.projects, before.snapshot.projects
    ids = [id for id in new.keys() | old.keys() if new.get(id) is not old.get(id)]
    return ["all", "any"] if len(ids) > MOST else [*(f"project-{id}" for id in sorted(ids)), "any"]


class Events:
    """`/events`: one stream for each open page."""

    def __init__(self, watch: Watch) -> None:
        self.watch = watch

    async def answer(self, request: Request) -> Response:
        return EventSourceResponse(self._stream(), ping=15)

    async def _stream(self) -> AsyncIterator[dict[str, str]]:
        loop, queue = asyncio.get_running_loop(), asyncio.Queue[list[str]](maxsize=100)

        def put(names: list[str]) -> None:
            if queue.full():
                queue.get_nowait()
                names = ["all", "any"]
            queue.put_nowait(names)

        def heard(look: Look, before: Look | None) -> None:
            loop.call_soon_threadsafe(put, changed(look, before))

        end = self.watch.listen(heard)
        try:
            while True:
                for name in await queue.get():
                    yield {"event": name, "data": "1"}
        finally:
            end()
