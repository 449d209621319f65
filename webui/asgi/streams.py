"""What streams: server-sent events that say which projects changed. A page fetches what it shows of them anew."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Iterable

from blake3 import blake3
from sse_starlette.sse import EventSourceResponse
from starlette.requests import Request
from starlette.responses import Response

from flow.node.node_states import NodeState, standings
from webui.access.person import still
from webui.source.view_source import Look, Watch

STILL_THERE = 60.0
"""Seconds after which it is looked anew whether who listens may still do so, where nothing happens."""
PULSE = 2.0
"""Seconds between two signs of life."""
RETRY = 1000
"""Milliseconds after which a browser comes back when the stream broke."""
MOST = 200
"""Changed projects in one event; of more, only that everything may have changed."""


def changed(look: Look, before: Look | None) -> list[str]:
    """Names of events: `project-<id>` for each that changed, `list` where some came or went, and always `any`.

    `list`, too, where files without effect did; `all` in place of a great many, and where a node's state changed: what
    waits may wait for something else now.
    """
    if before is None or _states(look) != _states(before):
        return ["all", "any"]
    new, old = look.snapshot.projects, before.snapshot.projects
    ids = [id for id in new.keys() | old.keys() if new.get(id) is not old.get(id)]
    if len(ids) > MOST:
        return ["all", "any"]
    listed = new.keys() != old.keys() or look.snapshot.problems != before.snapshot.problems
    others = ["list"] if listed else []
    return [*(f"project-{id}" for id in sorted(ids)), *others, "any"]


def _states(look: Look) -> dict[str, NodeState]:
    return {node: found.state for node, found in standings(look.snapshot).items()}


class EventStream:
    """`/events`: one stream for each browser. Besides what changed it says every `PULSE` seconds how old the view is:
    what scripts hear, and proxies do not hold back for long.
    """

    def __init__(self, watch: Watch, unsent: Callable[[], Iterable[object]] = tuple) -> None:
        self.watch, self.unsent = watch, unsent
        self._pulse = (float("-inf"), "")

    async def answer(self, request: Request) -> Response:
        return EventSourceResponse(self._stream(request, request.query_params.get("seen", "")), ping=15)

    def pulse(self) -> str:
        """The same for all who listen, made once in half a second."""
        if time.monotonic() - self._pulse[0] > PULSE / 4:
            look = self.watch.now
            said = {
                "view": view_of(look) if look else "",
                "age": round(look.age, 1) if look else None,
                "late": look.late if look else True,
                "unsent": mark_of(self.unsent()),
            }
            self._pulse = (time.monotonic(), json.dumps(said))
        return self._pulse[1]

    async def _stream(self, request: Request, seen: str) -> AsyncIterator[dict[str, str | int]]:
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
        looked = time.monotonic()
        try:
            yield {"event": "pulse", "data": self.pulse(), "retry": RETRY}
            while True:
                try:
                    names = await asyncio.wait_for(queue.get(), min(PULSE, STILL_THERE))
                except TimeoutError:
                    names = []
                if names or time.monotonic() - looked >= STILL_THERE:
                    looked = time.monotonic()
                    if not still(request.scope):
                        return
                for name in names:
                    yield {"event": name, "data": "1"}
                yield {"event": "pulse", "data": self.pulse()}
        finally:
            end()

    def _newer(self, seen: str) -> bool:
        """Whether something happened between the page's making and its listening, or while it did not hear."""
        last = self.watch.last
        return bool(seen) and last is not None and view_of(last) != seen


def view_of(look: Look) -> str:
    """The commits that are shown."""
    return f"{look.snapshot.main[:16]}.{look.snapshot.state[:16]}"


def mark_of(unsent: Iterable[object]) -> str:
    """Changes whenever something else waits to be sent."""
    return blake3(repr(list(unsent)).encode()).hexdigest()[:12]
