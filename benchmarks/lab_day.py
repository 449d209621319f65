"""A day of a lab in virtual time, with and without each policy: who waits for how long, and which GPUs idle meanwhile.

    python -m benchmarks.lab_day --seed 1

Twelve machines with eighteen GPUs, five people, eighty projects. One of them begins the day with forty runs at once;
the others bring ten each between nine and five. Every fourth project wants two GPUs of one machine, every second is
small enough for a share of 8 GiB, where that is the policy, and then lasts as long as it does alone. Nobody recorded
that day: its shape is written here, and the seed deals it. Decisions are the product's own, as in `benchmarks.fleet`.
"""

import argparse
import math
import random
import statistics
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from benchmarks.fleet import DAY, GIB, FleetDay, FleetNode
from flow.model.snapshot import ProjectView, Snapshot
from schema.node import Inventory, NodeGpu, Settings
from schema.pipeline import Pipeline, Resources, Stage
from schema.project import Project

GPUS = (1,) * 8 + (2,) * 3 + (4,)
"""Of each machine."""
PEOPLE = ("ada", "ben", "cleo", "dan", "eve")
MANY, FEW = 40, 10
"""Projects of the first person, and of each other."""
TICK = 60.0
"""Seconds between two looks of a node while work waits, and between two samples of what idles."""
HOUR = 3600.0
MEDIAN = 1.5 * HOUR
"""That a run lasts."""
SHARE = {"gpus": 1, "gpu": {"share": "8GiB"}}
NOBODYS = {"fair_share": {"by": "tag"}}
"""One account for all, as no project has a tag: whoever asked first goes first."""
FAIR = {"fair_share": {"by": "person", "half_life": "1 day"}}
QUOTA = {"quotas": {"*": {"gpus": 8}}}


@dataclass(frozen=True, slots=True)
class LabPolicy:
    """What `winslow.yaml` says, and whether small stages ask for a share of a GPU."""

    name: str
    settings: Mapping[str, object]
    shares: bool = False


POLICIES = (
    LabPolicy("none: who asked first", NOBODYS),
    LabPolicy("fair share by person", FAIR),
    LabPolicy("fair share, and a quota of 8 GPUs", {**FAIR, **QUOTA}),
    LabPolicy("small ones share GPUs", NOBODYS, shares=True),
    LabPolicy("fair share, and GPUs shared", FAIR, shares=True),
)


@dataclass
class LabDay(FleetDay):
    """Also whose each project is, how long it lasts, and when which GPU was in use."""

    owners: dict[str, str] = field(default_factory=dict)
    lasts: dict[str, float] = field(default_factory=dict)
    used: dict[tuple[str, str], list[tuple[float, float]]] = field(default_factory=lambda: defaultdict(list))

    news: set[str] = field(default_factory=set)  # nodes on which a stage has begun that the repository does not know of

    @property
    def poll(self) -> float:
        return 5.0

    def _asker(self, id: str) -> str:
        return f"{self.owners[id]} <{self.owners[id]}@lab.example>"

    def _takes(self, project: str) -> float:
        return self.lasts[project]

    def _begin(self, node: FleetNode, container: str) -> None:
        super()._begin(node, container)
        self.news.add(node.name)
        order = node.entries[container].order
        for gpu in order.gpus:
            self.used[node.name, gpu].append((self.now, self.now + self.lasts[order.project]))

    def _end(self, node: FleetNode, container: str) -> None:
        """Fair shares are computed from the durations that records tell."""
        super()._end(node, container)
        order = node.entries[container].order
        node.outbox[container] = node.outbox[container].model_copy(update={"duration": self.lasts[order.project]})

    def _round(self, node: FleetNode) -> None:
        """Left out where nothing follows from it: no news of its own, nobody to answer, no room for what waits."""
        asks = any(self.snapshot.projects[id].unanswered for id in self.asked)
        if not (node.outbox or node.name in self.news or asks or (self.asked and self._has_room(node))):
            return
        refused = self.refused
        super()._round(node)
        if self.refused == refused:
            self.news.discard(node.name)

    def _has_room(self, node: FleetNode) -> bool:
        """For one more at least: a GPU that nobody has, or that one small stage has."""
        held = Counter[str]()
        for entry in node.entries.values():
            held.update(dict.fromkeys(entry.order.gpus, 1 if entry.order.gpu_share else 2))
        return any(held[gpu.uuid] < 2 for gpu in node.inventory.gpus)

    def watched(self) -> None:
        """Every node looks once in a minute, each at a second of its own."""
        for place, name in enumerate(sorted(self.nodes)):
            for minute in range(int(self.hours * 60)):
                self.later(minute * TICK + place, "round", name)

    # -- what came of it ----------------------------------------------------------------------------------------------

    def waits_of(self, *people: str) -> list[float]:
        """In hours, from the shortest; of what never began until the day was over."""
        began = [wait for id, (_, wait) in zip(self.began, self.waits, strict=True) if self.owners[id] in people]
        never = [self.hours * HOUR - at for id, at in self.asked.items() if self.owners[id] in people]
        return sorted(wait / HOUR for wait in [*began, *never])

    def idle_while_waited(self) -> float:
        """GPU-hours."""
        waited = [(asked, asked + wait) for asked, wait in self.waits] + [(at, DAY) for at in self.asked.values()]
        idle = 0
        for minute in range(int(self.hours * 60)):
            now = minute * TICK
            if any(begin <= now < end for begin, end in waited):
                busy = sum(any(begin <= now < end for begin, end in spans) for spans in self.used.values())
                idle += sum(len(node.inventory.gpus) for node in self.nodes.values()) - busy
        return idle * TICK / HOUR


def lab_day(policy: LabPolicy, seed: int, gpus: Sequence[int] = GPUS, many: int = MANY, few: int = FEW) -> LabDay:
    """Played to its end. With one seed everybody brings the same, whatever the policy. `gpus`: of each machine."""
    chance = random.Random(seed)
    machines = _machines(gpus)
    owners = [PEOPLE[0]] * many + [person for person in PEOPLE[1:] for _ in range(few)]
    views, asked, lasts = {}, {}, {}
    for number, owner in enumerate(owners):
        id, small, pair = f"v{number:05d}", number % 2 == 0, number % 4 == 1
        resources = Resources.model_validate({"gpus": 2} if pair else SHARE if small and policy.shares else {"gpus": 1})
        pipeline = Pipeline(name=f"p{number}", stages=(Stage(name="one", image="i", resources=resources),))
        views[id] = ProjectView(id, Project(pipeline=pipeline.name), pipeline=pipeline)
        asked[id] = 9 * HOUR if owner == PEOPLE[0] else chance.uniform(9 * HOUR, 17 * HOUR)
        lasts[id] = min(chance.lognormvariate(math.log(MEDIAN), 0.7), 6 * HOUR)
    snapshot = Snapshot(
        "m" * 40, "s" * 40, settings=Settings.model_validate({"schema": 1, **policy.settings}), projects=views,
        inventories={name: each.inventory for name, each in machines.items()},
        heartbeats=dict.fromkeys(machines, "h" * 40),
    )  # fmt: skip
    owned = dict(zip(views, owners, strict=True))
    found = LabDay(machines, snapshot, 24.0, random.Random(seed), owners=owned, lasts=lasts)
    for id, at in asked.items():
        found.later(at, "ask", id)
    found.watched()
    found.run()
    return found


def _machines(gpus: Sequence[int]) -> dict[str, FleetNode]:
    machines = {}
    for number, count in enumerate(gpus):
        own = tuple(
            NodeGpu(uuid=f"GPU-{number}-{each}", model="RTX", memory=24 * GIB - (1 << 29), watched=True)
            for each in range(count)
        )
        told = Inventory(
            node=f"n{number:02d}", incarnation="i", runner="docker", heartbeat=60.0, cpus=32, memory=128 * GIB,
            gpus=own, slots=16, store="s", limits=True,
        )  # fmt: skip
        machines[told.node] = FleetNode(told.node, told)
    return machines


def row(policy: LabPolicy, found: LabDay) -> tuple[str, ...]:
    many, others = found.waits_of(PEOPLE[0]), found.waits_of(*PEOPLE[1:])
    figures = (
        statistics.median(others), others[int(0.95 * len(others))], statistics.median(many), max(*many, *others),
        found.idle_while_waited(),
    )  # fmt: skip
    return (policy.name, *(f"{each:.1f}" for each in figures), str(len(found.began)))


HEADS = (
    "policy", "four others: median wait, h", "95 %", "who brought 40: median", "longest",
    "GPU-hours idle while work waits", "runs begun",
)  # fmt: skip


def table(rows: Sequence[Sequence[str]]) -> str:
    lines = [HEADS, ["---"] * len(HEADS), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.lab_day", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    print(table([row(policy, lab_day(policy, given.seed)) for policy in POLICIES]))
