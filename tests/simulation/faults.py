"""Weather for simulations: a repository behind a bad network, a controller that dies at failpoints, disks and programs
of a node that fail.
"""

import errno
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from controller.dirs.contract import Gathered, Ready, Tell, Trees, quiet
from controller.failpoints import Failpoint
from controller.journal.small_files import MemoryDisk
from flow.model.clock import Clock, VirtualClock
from flow.model.commits import Commit
from flow.model.snapshot import Snapshot
from flow.node.node_world import LaunchOrder
from schema import layout
from schema.node import Heartbeat
from state.contract.errors import Unreachable
from state.contract.repository import Edit, Landed, Outcome, Repository, SignOfLife, Unknown
from state.memory.memory_repository import MemoryRepository
from tests.simulation.schedule import Schedule


class Crash(BaseException):
    """kill -9 of a controller. Not an Exception: nothing in the product may catch it."""


@dataclass
class Weather:
    """What can go wrong, as probabilities a step, and whether it is switched on at all."""

    loss: float = 0.05  # of a fetch, a push, an answer
    crash: float = 0.01  # at a failpoint
    partition: float = 0.008  # a node's link changes
    mute: float = 0.0  # a link takes no pushes any more, or again
    heal: float = 8  # how much likelier a cut link changes
    outage: float = 0.003  # the server goes away for everyone
    suspend: float = 0.006  # a node's controller sleeps
    reboot: float = 0.001  # a machine restarts, with everything on it
    stale_main: float = 0.03  # a fetch sees an aged main
    disk: float = 0.0  # a launch or a collection finds the disk full
    defect: float = 0.0  # or fails as nobody thought it could
    cursed: float = 0.0  # of all executions, those that fail like that for ever
    engine: float = 0.0  # an engine does not say which containers there are
    bad: bool = True
    schedule: Schedule = field(default_factory=Schedule)
    clock: Clock = field(default_factory=VirtualClock)
    names: dict[int, str] = field(default_factory=dict)  # of machines, by what they draw their chances from

    def clear(self) -> None:
        self.bad = False

    def strikes(self, chance: Random, probability: float, what: str) -> bool:
        """Whether it does now, unless it is left out of this run."""
        if not (self.bad and chance.random() < probability):
            return False
        return self.schedule.falls(self.clock.now(), self.names.get(id(chance), ""), what)


@dataclass
class Link:
    """One node's way to the server."""

    cut: bool = False
    mute: bool = False


@dataclass
class Network:
    """The server's reachability, and a clock that runs only while it is reachable."""

    down_until: float = 0.0
    up_seconds: float = 0.0
    beats: dict[str, list[float]] = field(default_factory=dict)  # node -> up_seconds of its landed beats

    def silence(self, node: str, *, unseen: float) -> float:
        """Seconds of reachability without a beat, leaving out beats too young for an observer to have seen."""
        seen = [beat for beat in self.beats.get(node, []) if beat <= self.up_seconds - unseen]
        return self.up_seconds - (seen[-1] if seen else 0.0)

    def up(self, now: float) -> bool:
        return now >= self.down_until


class BrittleDisk(MemoryDisk):
    """A view of another disk, on which its controller may die before anything is written or deleted."""

    def __init__(self, disk: MemoryDisk, failpoint: Failpoint) -> None:
        self.files, self.failpoint = disk.files, failpoint

    def write(self, name: str, content: bytes) -> None:
        self.failpoint("write")
        super().write(name, content)

    def delete(self, name: str) -> None:
        self.failpoint("delete")
        super().delete(name)


class BrokenTrees:
    """Fails at preparing and gathering. A curse outlasts the bad weather: such an execution still has to end."""

    def __init__(self, inner: Trees, chance: Random, weather: Weather) -> None:
        self.inner, self.chance, self.weather = inner, chance, weather

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def prepare(self, container: str, order: LaunchOrder, tell: Tell = quiet) -> Ready:
        self._fail(container, "prepare")
        return self.inner.prepare(container, order, tell)

    def gather(self, container: str, order: LaunchOrder) -> Gathered:
        self._fail(container, "gather")
        return self.inner.gather(container, order)

    def _fail(self, container: str, what: str) -> None:
        weather = self.weather
        if weather.cursed and Random(container + what).random() < weather.cursed:
            raise RuntimeError("a curse")
        if weather.disk and weather.strikes(self.chance, weather.disk, "disk full"):
            raise OSError(errno.ENOSPC, "No space left on device")
        if weather.defect and weather.strikes(self.chance, weather.defect, "defect"):
            raise RuntimeError("a defect")


class FlakyRepository:
    """Loses fetches, pushes and answers of pushes; nothing passes while the link is cut or the server is down."""

    def __init__(
        self,
        inner: Repository,
        chance: Random,
        weather: Weather,
        link: Link,
        network: Network,
        now: Mapping[str, float],
    ) -> None:
        self.inner, self.chance, self.weather = inner, chance, weather
        self.link, self.network, self.now = link, network, now

    def _reachable(self) -> bool:
        return not self.link.cut and self.network.up(self.now["now"])

    def _lost(self) -> bool:
        return not self._reachable() or self.weather.strikes(
            self.chance, self.weather.loss, "fetch, push or answer lost"
        )

    def _unsent(self) -> bool:
        return self.link.mute or self._lost()

    def fetch(self) -> Snapshot:
        if self._lost():
            raise Unreachable("the fetch was lost")
        if self.weather.strikes(self.chance, self.weather.stale_main, "main as it was"):
            return self._with_aged_main(self.chance.randint(1, 3))
        return self.inner.fetch()

    def _with_aged_main(self, commits: int) -> Snapshot:
        """As if `main` had been resolved from a mirror that lags behind."""
        assert isinstance(self.inner, MemoryRepository)
        server = self.inner.server
        line = list(server.line(server.refs[layout.MAIN], most=commits + 1))
        return self.inner._at(line[-1].oid, server.refs[layout.STATE])

    def swap(self, base: Snapshot, commits: Sequence[Commit], *, node: str, beat: SignOfLife | None = None) -> Outcome:
        if self._unsent():
            return Unknown("the push was lost")
        outcome = self.inner.swap(base, commits, node=node, beat=beat)
        if beat and isinstance(outcome, Landed):
            self.network.beats.setdefault(node, []).append(self.network.up_seconds)
        return Unknown("the answer was lost") if self._lost() else outcome

    def beat(self, heartbeat: Heartbeat, *, expected: str | None) -> Outcome:
        if self._unsent():
            return Unknown("the beat was lost")
        outcome = self.inner.beat(heartbeat, expected=expected)
        if isinstance(outcome, Landed):
            self.network.beats.setdefault(heartbeat.node, []).append(self.network.up_seconds)
        return Unknown("the answer was lost") if self._lost() else outcome

    def heartbeat(self, node: str) -> Heartbeat | None:
        return self.inner.heartbeat(node)

    def at(self, main: str, state: str) -> Snapshot:
        return self.inner.at(main, state)

    def messages(self, tip: str | None = None) -> Iterator[tuple[str, int, str]]:
        return self.inner.messages(tip)

    def descends(self, tip: str, ancestor: str) -> bool:
        return self.inner.descends(tip, ancestor)

    def propose(self, edit: Edit, *, base: str) -> Outcome:
        if self._unsent():
            return Unknown("the commit was lost")
        outcome = self.inner.propose(edit, base=base)
        return Unknown("the answer was lost") if self._lost() else outcome
