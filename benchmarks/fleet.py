"""A day of a big fleet, in virtual time, by the decisions that nodes themselves take: what it pushes, and who waits.

Every round is `flow.reconcile.decide` on the snapshot as it is then; what it commits is that snapshot's next version.
A round is computed where something can follow from it: at the steward of a project that asks, at the node that a slot
is placed on first, and where a stage has begun or ended. Other polls find nothing that is theirs, and are left out.
Two pushes within one round trip are a race: the later one is refused and decided anew, and both count as offered.
"""

import heapq
import math
import random
import statistics
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path

from flow.model.snapshot import ProjectView, RequestFile, Snapshot
from flow.node.node_world import ExecutionEnd, HeldClaim, NodeIdentity, ObservedContainer, World
from flow.node.sightings import Sightings
from flow.placement.capacity import claimed
from flow.placement.gpus import holders
from flow.placement.ranking import busy_counts, candidates, placed, weight
from flow.project.active import open_views
from flow.project.replies import steps_of
from flow.reconcile.decide import foretold
from schema.execution import Result, State
from schema.node import Inventory, NodeGpu, Settings
from schema.pipeline import Pipeline, Resources, Stage
from schema.project import Project
from schema.request import Request

GIB = 2**30
DAY = 86_400.0
POLL_FOR_EACH = 0.25
"""Seconds between two polls of a node, for each node of the fleet."""
ROUND_TRIP = 0.15
"""Seconds from a decision to its answer by the server."""
BEGINS = 3.0
"""Seconds from a claim to its program's start."""
BOARD = 60.0
"""Seconds between two root boards, which are pushed beside all else."""
LOAD = 0.5
"""Of the fleet, on average over the day."""
MEAN = 3600.0
"""Seconds that a stage runs."""


@dataclass
class FleetNode:
    """What one node has on its disk and in its engine."""

    name: str
    inventory: Inventory
    entries: dict[str, HeldClaim] = field(default_factory=dict)
    sights: dict[str, ObservedContainer] = field(default_factory=dict)
    outbox: dict[str, ExecutionEnd] = field(default_factory=dict)
    lost_races: int = 0


@dataclass
class FleetDay:
    """The day so far. Times in virtual seconds since midnight."""

    nodes: dict[str, FleetNode]
    snapshot: Snapshot
    hours: float
    chance: random.Random
    now: float = 0.0
    landed_at: float = -1.0
    pushes: list[float] = field(default_factory=list)  # when each was offered
    refused: int = 0
    rounds: int = 0
    commits: Counter[str] = field(default_factory=Counter)
    asked: dict[str, float] = field(default_factory=dict)
    waits: list[tuple[float, float]] = field(default_factory=list)  # when it was asked for, and how long it waited
    began: list[str] = field(default_factory=list)  # whose waits these are
    queue: list[tuple[float, int, str, str, str]] = field(default_factory=list)
    order: "count[int]" = field(default_factory=count)

    @property
    def poll(self) -> float:
        return max(5.0, POLL_FOR_EACH * len(self.nodes))

    def later(self, seconds: float, kind: str, about: str, more: str = "") -> None:
        heapq.heappush(self.queue, (self.now + seconds, next(self.order), kind, about, more))

    def run(self) -> None:
        while self.queue and self.queue[0][0] < self.hours * 3600.0:
            self.now, _, kind, about, more = heapq.heappop(self.queue)
            if kind == "ask":
                self._ask(about)
            elif kind == "begin":
                self._begin(self.nodes[about], more)
            elif kind == "end":
                self._end(self.nodes[about], more)
            else:
                self._round(self.nodes[about])

    def _ask(self, id: str) -> None:
        """Somebody starts the project; the next poll of its steward finds it."""
        view = self.snapshot.projects[id]
        number = len(view.replies) + 1
        person = self._asker(id)
        file = RequestFile(f"{number:04d}-start.yaml", "b" * 40, person, "c" * 40, Request(request="start"))
        self._replace(replace(view, unanswered=(file,)))
        self.asked.setdefault(id, self.now)
        steward = min(self.nodes, key=lambda name: weight(name, id))
        self.later(self.chance.uniform(0, self.poll), "round", steward)

    def _asker(self, id: str) -> str:
        """As authors of commits are written."""
        return f"P <p{int(id[1:]) % 40}@lab.example>"

    def _replace(self, view: ProjectView) -> None:
        self.snapshot = replace(self.snapshot, projects={**self.snapshot.projects, view.id: view})

    def _begin(self, node: FleetNode, container: str) -> None:
        node.sights[container] = ObservedContainer(container, running=True, started=self.now)
        self.later(self._takes(node.entries[container].order.project), "end", node.name, container)
        self.later(1.0 + self.chance.uniform(0, 5.0), "round", node.name)

    def _takes(self, project: str) -> float:
        """Seconds that a run of it lasts."""
        return min(self.chance.lognormvariate(math.log(MEAN) - 0.5, 1.0), DAY)

    def _end(self, node: FleetNode, container: str) -> None:
        order = node.entries[container].order
        node.sights[container] = replace(node.sights[container], running=False, exited=True)
        node.outbox[container] = ExecutionEnd(
            container=container, project=order.project, execution=order.execution, stage=order.stage,
            state=State.SUCCEEDED, result=Result(exit_code=0), finished=self._wall(),
        )  # fmt: skip
        self.later(0.0, "round", node.name)

    # -- a round ------------------------------------------------------------------------------------------------------

    def _round(self, node: FleetNode) -> None:
        self.rounds += 1
        decision, after = foretold(self._world(node))
        if not decision.commits:
            return
        self.pushes.append(self.now)
        if self.now - self.landed_at < ROUND_TRIP:
            self.refused += 1
            node.lost_races += 1
            self.later(self.chance.uniform(0.0, min(5.0, 0.1 * 2**node.lost_races)), "round", node.name)
            return
        node.lost_races, self.landed_at, self.snapshot = 0, self.now, after
        for commit in decision.commits:
            self.commits[commit.event.verb] += 1
        for container in [*node.outbox]:
            for held in (node.entries, node.sights, node.outbox):
                held.pop(container, None)
        for entry in decision.grants:
            node.entries[entry.container] = entry
            asked = self.asked.pop(entry.order.project)
            self.waits.append((asked, self.now - asked))
            self.began.append(entry.order.project)
            self.later(BEGINS, "begin", node.name, entry.container)
        for id in {commit.event.project for commit in decision.commits if commit.event.verb == "accept"}:
            self._wake_first(id)

    def _wake_first(self, id: str) -> None:
        """The node that is placed first finds the slot at its next poll; where none has room, one that ends does."""
        view = self.snapshot.projects[id]
        views = list(open_views(self.snapshot))
        nodes = candidates(
            self.snapshot, self.nodes, busy_counts(self.snapshot), holders(self.snapshot), claims=claimed(views)
        )
        for slot in steps_of(view).slots:
            if ranked := placed(self.snapshot, view, slot, nodes).ranked:
                self.later(self.chance.uniform(0, self.poll), "round", ranked[0])

    def _wall(self) -> str:
        return f"2026-01-01T{int(self.now // 3600) % 24:02d}:{int(self.now // 60) % 60:02d}:{int(self.now % 60):02d}Z"

    def _world(self, node: FleetNode) -> World:
        return World(
            me=NodeIdentity(node.name, "i", node.inventory),
            snapshot=self.snapshot, fresh=True, now=self.now, wall=self._wall(), poll=self.poll,
            entries=dict(node.entries), outbox=dict(node.outbox), containers=dict(node.sights), busy=frozenset(),
            seen=Sightings(polled=self.now), ids=tuple(f"{self.chance.getrandbits(128):032x}" for _ in range(4)),
            wiped={}, leases={},
        )  # fmt: skip


def day(nodes: int, projects: int, hours: float, seed: int) -> FleetDay:
    chance = random.Random(seed)
    machines = {}
    for number in range(nodes):
        gpu = NodeGpu(uuid=f"GPU-{number}", model="RTX", memory=24 * GIB)
        facts = {"cpus": 16, "memory": 64 * GIB, "gpus": (gpu,), "slots": 1, "store": "s", "limits": True}
        told = Inventory(node=f"n{number:04d}", incarnation="i", runner="docker", heartbeat=60.0, **facts)  # type: ignore[arg-type]
        machines[told.node] = FleetNode(told.node, told)
    stages = [
        Pipeline(name=f"p{gpus}", stages=(Stage(name="one", image="i", resources=Resources(gpus=gpus)),))
        for gpus in (0, 1)
    ]
    views = {}
    for number in range(projects):
        pipeline = stages[number % 2]
        project = Project(pipeline=pipeline.name, priority=chance.choice((30, 50, 70)))
        views[f"v{number:05d}"] = ProjectView(f"v{number:05d}", project, pipeline=pipeline)
    snapshot = Snapshot(
        "m" * 40, "s" * 40, settings=Settings(schema=1), projects=views,
        inventories={name: each.inventory for name, each in machines.items()},
        heartbeats=dict.fromkeys(machines, "h" * 40),
    )  # fmt: skip
    found = FleetDay(machines, snapshot, hours, chance)
    _ask_all(found, [*views])
    return found


def _ask_all(found: FleetDay, ids: list[str]) -> None:
    """More in the afternoon than at night; each project at most once, so that no two of its requests meet."""
    runs = int(LOAD * len(found.nodes) * found.hours * 3600.0 / MEAN)
    for id in found.chance.sample(ids, min(runs, len(ids))):
        while True:
            at = found.chance.uniform(0, found.hours * 3600.0)
            if found.chance.random() < 0.6 - 0.4 * math.cos(2 * math.pi * at / DAY):
                break
        found.later(at, "ask", id)


def measure(nodes: int, projects: int, hours: float, seed: int, plot: str) -> dict[str, object]:
    began = time.process_time()
    found = day(nodes, projects, hours, seed)
    found.run()
    waits = sorted(wait for _, wait in found.waits)
    if plot:
        Path(plot).write_text(drawn(found))
    busiest = max(Counter(int(at // 60) for at in found.pushes).values(), default=0)
    return {
        "nodes": nodes,
        "projects": projects,
        "hours": hours,
        "cpu_seconds": round(time.process_time() - began, 1),
        "rounds": found.rounds,
        "stages_begun": len(waits),
        "pushes_offered_per_second": round(len(found.pushes) / (hours * 3600.0) + 1 / BOARD, 3),
        "in_the_busiest_minute": round(busiest / 60.0 + 1 / BOARD, 3),
        "refused_in_a_race": found.refused,
        "commits": dict(found.commits.most_common()),
        "wait_seconds": {
            "median": round(statistics.median(waits), 1) if waits else None,
            "p95": round(waits[int(0.95 * len(waits))], 1) if waits else None,
            "longest": round(waits[-1], 1) if waits else None,
        },
        "still_waiting": len(found.asked),
    }


WIDE, HIGH = 900, 260


def drawn(found: FleetDay) -> str:
    """Over the day: each stage's wait as a dot, and the pushes of each quarter of an hour as a line."""
    longest = max((wait for _, wait in found.waits), default=1.0) or 1.0
    end = found.hours * 3600.0
    dots = "".join(
        f'<circle cx="{WIDE * at / end:.1f}" cy="{HIGH - HIGH * wait / longest:.1f}" r="1"/>'
        for at, wait in found.waits
    )
    quarters = Counter(int(at // 900) for at in found.pushes)
    most = max(quarters.values(), default=1)
    line = " ".join(
        f"{WIDE * (q + 0.5) * 900 / end:.1f},{HIGH - HIGH * n / most:.1f}" for q, n in sorted(quarters.items())
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-10 -30 {WIDE + 20} {HIGH + 60}" font-family="sans-serif" '
        f'font-size="12"><text y="-12">waits (dots, up to {longest:.0f} s) and pushes (line, up to {most / 900:.2f}/s) '
        f"over {found.hours:g} h</text>"
        f'<g fill="#8886">{dots}</g><polyline points="{line}" fill="none" stroke="#c33"/>'
        f'<path d="M0 0V{HIGH}H{WIDE}" fill="none" stroke="#000"/></svg>\n'
    )
