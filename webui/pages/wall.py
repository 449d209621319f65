"""`/wall`: the fleet for a screen in a corridor. Large, nothing to press; it renews itself (static/wall.js)."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path

from blake3 import blake3
from flask import Blueprint, render_template

from flow.model.snapshot import Snapshot
from flow.node.node_states import NodeStanding, standings
from flow.order.waiting import order
from flow.project.active import open_views
from flow.status.lanes import Lane, lanes, of_gpu
from webui.pages.common import look
from webui.views.project_rows import ProjectRow, rows

pages = Blueprint("wall", __name__)
HOURS = 12
MOST_LANES, MOST_ROWS = 24, 8
PARTS = ("templates/wall.html", "static/wall.js", "static/wall.css", "static/winslow.css")
"""What a screen has loaded: once one of them changed, it loads them anew."""


@dataclass(frozen=True, slots=True)
class WallLane:
    """A node, or one of its GPUs."""

    name: str
    part: str
    lane: Lane
    standing: NodeStanding


@pages.get("/wall")
def show() -> str:
    now, snapshot = time.time(), look().snapshot
    known = [each for each in rows(snapshot).values() if not each.view.deletion]
    found = list(_lanes(snapshot, now))
    return render_template(
        "wall.html", version=version(), now=now, hours=HOURS, lanes=found[:MOST_LANES], more=len(found) - MOST_LANES,
        asks=_in(known, "needs_input"), failed=_in(known, "failed"), running=_in(known, "running"),
        queue=_queue(snapshot, known), most=MOST_ROWS,
        away=[each for each in standings(snapshot).values() if not each.answers],
    )  # fmt: skip


def _lanes(snapshot: Snapshot, now: float) -> Iterator[WallLane]:
    states = standings(snapshot)
    for name, lane in lanes(snapshot, now - HOURS * 3600, now).items():
        gpus = snapshot.inventories[name].gpus
        for number, gpu in enumerate(gpus):
            yield WallLane(name if not number else "", gpu.model or "GPU", of_gpu(lane, gpu.uuid), states[name])
        if not gpus:
            yield WallLane(name, "", lane, states[name])


def _in(known: list[ProjectRow], state: str) -> list[ProjectRow]:
    """Of one state, what has been so for longest first."""
    return sorted((each for each in known if each.now.state == state), key=lambda each: each.since or "")


def _queue(snapshot: Snapshot, known: list[ProjectRow]) -> list[ProjectRow]:
    """What waits for a place, in the order in which nodes take it; the rest of what is queued behind that."""
    waiting = {each.view.id: each for each in known if each.now.state == "queued"}
    first = (place.waiter.project for place in islice(order(snapshot, open_views(snapshot)), MOST_ROWS * 4))
    placed = dict.fromkeys(id for id in first if id in waiting)
    return [waiting[id] for id in (*placed, *(id for id in waiting if id not in placed))]


@cache
def version() -> str:
    """Of the page that a screen has loaded."""
    here = Path(__file__).parent.parent
    return blake3(b"".join((here / part).read_bytes() for part in PARTS)).hexdigest()[:16]
