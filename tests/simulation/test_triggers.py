"""Triggers of several nodes in bad weather: clocks that go wrong, nodes that forget, a server that comes and goes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random

import pytest

import controller.triggers.trigger_work
import flow.triggers.wanted
import state.edits.triggered
from controller.journal.small_files import MemoryDisk
from controller.triggers.pool_news import PoolNews
from controller.triggers.trigger_memory import FileNotes, TriggerNotes
from controller.triggers.trigger_work import SteadyClock, TriggerWork
from flow.model.snapshot import Snapshot
from flow.triggers.firings import Firing, moment_of
from flow.triggers.schedule import due
from schema import layout
from schema.trigger import Schedule, Trigger
from state.contract.errors import Unreachable
from state.contract.repository import Edit, Landed, Outcome, Rejected, Rejection, Unknown
from state.memory.memory_repository import MemoryRepository, MemoryServer

BEGIN = datetime(2026, 3, 27, tzinfo=UTC)
"""Two days before summer time begins in Berlin."""
TRIGGER = """
schedule: {cron: "*/30 2,3 * * *", zone: Europe/Berlin, catch_up: all, overlap: allow}
create: {pipeline: p, start: false}
"""
FILES = {
    "winslow.yaml": "schema: 1\n",
    "pipelines/p.yaml": "name: p\nstages:\n  - {name: a, image: host/x}\n",
    "triggers/t.yaml": TRIGGER,
}
SEEDS = 30


@dataclass
class FlakyMain:
    """A way to the server on which questions, pushes and answers are lost."""

    inner: MemoryRepository
    chance: Random
    loss: float

    def fetch(self) -> Snapshot:
        if self.chance.random() < self.loss:
            raise Unreachable("no answer")
        return self.inner.fetch()

    def propose(self, edit: Edit, *, base: str) -> Outcome:
        if self.chance.random() < self.loss:
            return Unknown("lost on the way", "f" * 40)
        outcome = self.inner.propose(edit, base=base)
        if isinstance(outcome, Landed) and self.chance.random() < self.loss:
            return Unknown("the answer was lost", outcome.oid)
        return outcome

    def __getattr__(self, name: str) -> object:
        return getattr(self.inner, name)


@dataclass
class Watcher:
    """One node: a disk, a clock that may be set wrong, and the work itself."""

    weather: "Triggers"
    disk: MemoryDisk = field(default_factory=MemoryDisk)
    wrong: float = 0.0
    work: TriggerWork | None = None
    said: list[str] = field(default_factory=list)

    def start(self) -> None:
        weather, files = self.weather, FileNotes(self.disk)
        way = FlakyMain(MemoryRepository(weather.server), weather.chance, weather.loss)
        clock = SteadyClock(lambda: weather.now + self.wrong, lambda: weather.now)
        pool = PoolNews(weather.pool, files, lambda: weather.now, lambda path: "")  # type: ignore[arg-type]
        self.work = TriggerWork(
            lambda: way, TriggerNotes(self.disk), files, pool, clock, lambda _: None, self.said.append  # type: ignore[arg-type, return-value]
        )  # fmt: skip


class Triggers:
    """Virtual time, and three nodes that look at it in random turns."""

    def __init__(self, seed: int, nodes: int = 3, loss: float = 0.2) -> None:
        self.chance, self.loss = Random(seed), loss
        self.server, self.pool = MemoryServer.create(FILES), None
        self.now = BEGIN.timestamp()
        self.nodes = [Watcher(self) for _ in range(nodes)]
        self.reader = MemoryRepository(self.server)
        for node in self.nodes:
            node.start()
        for node in self.nodes:  # all have seen the trigger once
            self.turn(node)

    def run(self, hours: float) -> "Triggers":
        until = self.now + hours * 3600
        while self.now < until:
            self.now += self.chance.choice((20, 200, 2000))
            node = self.chance.choice(self.nodes)
            self.befall(node)
            self.turn(node)
        self.loss = 0.0
        for node in self.nodes:
            node.wrong = 0.0
            node.start()
        for _ in range(3):  # the weather is over, and clocks have settled
            self.now += 100
            for node in self.nodes:
                self.turn(node)
        return self

    def befall(self, node: Watcher) -> None:
        match self.chance.randrange(30):
            case 0:
                node.start()  # a restart
            case 1:
                node.wrong = self.chance.choice((-7200.0, 3600.0, 86_400.0 * 400))  # for a moment, see the rest
            case 2 | 3 | 4:
                node.wrong = 0.0
            case 5:
                self.now += self.chance.choice((3600.0, 30_000.0))  # everybody is away

    def turn(self, node: Watcher) -> None:
        assert node.work
        if node.work.snapshot is None or self.chance.random() >= self.loss:  # else on the view that it had
            node.work.seen(self.reader.fetch())
        node.work.turn()

    def made(self) -> list[datetime]:
        ids = [id for id in self.reader.fetch().projects if id.startswith("t-")]
        return sorted(moment for id in ids if (moment := moment_of(id.removeprefix("t-"))))

    def wanted(self) -> list[datetime]:
        schedule = Schedule(cron="*/30 2,3 * * *", zone="Europe/Berlin")
        return due(schedule, BEGIN, datetime.fromtimestamp(self.now, UTC), 10_000)

    def creations(self) -> list[str]:
        """Ids of projects, once for each commit that made one."""
        commits = self.server.line(self.server.refs[layout.MAIN])
        return [c.message for c in commits if c.message.startswith("trigger")]


def check(world: Triggers) -> None:
    """Every nominal time was made, none twice; what a clock made that was ahead lies in the future."""
    made, wanted = world.made(), world.wanted()
    now = datetime.fromtimestamp(world.now, UTC)
    assert [each for each in made if each <= now] == wanted
    every = sum(int(m.split(": ")[1].split(" times")[0]) if " times" in m else 1 for m in world.creations())
    assert every == len(made), "a nominal time was made twice"


@pytest.mark.parametrize("seed", range(SEEDS))
def test_G8_each_nominal_start_comes_once_whatever_befalls_the_nodes(seed: int) -> None:
    check(Triggers(seed).run(24 * 5))


def test_nodes_that_look_at_once_race_and_one_of_them_makes_it() -> None:
    world = Triggers(0, loss=0.0)
    world.now = (BEGIN + timedelta(hours=1, minutes=1)).timestamp()
    before = world.reader.fetch()
    for node in world.nodes:
        assert node.work
        node.work.seen(before)  # none sees what the others do
        node.work.turn()
    assert len(world.creations()) == len(world.made())
    assert [text for node in world.nodes for text in node.said if "made already" in text] == []


def test_what_the_server_refuses_is_said_once_and_tried_again() -> None:
    world = Triggers(0, nodes=1, loss=0.0)
    [node] = world.nodes
    assert node.work
    way = MemoryRepository(world.server)
    refused = Rejected(Rejection.PROTECTED, "protected branch")
    way.propose = lambda edit, base: refused  # type: ignore[method-assign]
    node.work._make = lambda: way
    for hour in (3, 4, 5):
        world.now = (BEGIN + timedelta(hours=hour)).timestamp()
        world.turn(node)
    assert [text for text in node.said if "main is protected" in text] == node.said
    assert len(node.said) == 1
    node.work._repository = MemoryRepository(world.server)
    world.turn(node)
    assert world.made() == world.wanted()


def test_a_clock_that_is_set_holds_schedules_up_for_a_minute() -> None:
    wall, boot = [1000.0], [10.0]
    clock = SteadyClock(lambda: wall[0], lambda: boot[0])
    assert clock.look() == (1000.0, "")
    wall[0], boot[0] = 1031.0, 40.0  # a second of drift
    assert clock.look() == (1031.0, "")
    wall[0], boot[0] = 90_000.0, 45.0
    assert clock.look() == (None, "the clock was set by +88964 s: schedules wait 60 s")
    wall[0], boot[0] = 90_061.0, 106.0
    assert clock.look() == (90_061.0, "")


# broken variants


def what_was_made_is_not_looked_at(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(flow.triggers.wanted, "done", lambda snapshot, trigger, firing: False)
    patch.setattr(state.edits.triggered, "done", lambda snapshot, trigger, firing: False)


def a_floor_in_the_future_counts(patch: pytest.MonkeyPatch) -> None:
    """What a clock made that was ahead holds up all until then."""

    def floor(schedule: Schedule, memory: object, made: list[datetime], now: float) -> datetime:
        return max([original(schedule, memory, made, now), *everything[0]])  # type: ignore[arg-type]

    def times(snapshot: Snapshot, name: str, trigger: Trigger) -> list[datetime]:
        everything[0] = original_times(snapshot, name, trigger)
        return everything[0]

    everything: list[list[datetime]] = [[]]
    original, original_times = flow.triggers.wanted._floor, flow.triggers.wanted.times_made
    patch.setattr(flow.triggers.wanted, "_floor", floor)
    patch.setattr(flow.triggers.wanted, "times_made", times)


def a_trigger_counts_from_when_its_node_began(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(TriggerNotes, "_write", lambda self: None)
    patch.setattr(flow.triggers.wanted, "times_made", lambda snapshot, name, trigger: [])


def an_answer_that_was_lost_is_taken_for_a_failure_of_all(patch: pytest.MonkeyPatch) -> None:
    """It is done anew under another name."""

    def build(snapshot: Snapshot, firings: Sequence[Firing]) -> tuple[Edit, dict[Firing, str]]:
        edit, wrong = original(snapshot, firings)
        again = {path.replace("/t-", f"/t-{len(snapshot.projects)}-"): text for path, text in edit.files.items()}
        return Edit(again, edit.message, edit.author), wrong

    original = state.edits.triggered.trigger_edit
    patch.setattr(controller.triggers.trigger_work, "trigger_edit", build)


@pytest.mark.parametrize(
    "mutant",
    [
        what_was_made_is_not_looked_at,
        a_floor_in_the_future_counts,
        a_trigger_counts_from_when_its_node_began,
        an_answer_that_was_lost_is_taken_for_a_failure_of_all,
    ],
    ids=lambda mutant: mutant.__name__,
)
def test_G8_the_broken_trigger_is_caught(mutant: Callable[[pytest.MonkeyPatch], None]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        mutant(patch)
        for seed in range(SEEDS):
            try:
                check(Triggers(seed).run(24 * 5))
            except AssertionError:
                return
    pytest.fail(f"{SEEDS} seeds and nobody noticed")
