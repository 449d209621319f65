"""N controllers over one state repository, in virtual time, from one seed. No threads, no sleeps."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from random import Random

from controller.journal.journal import Journal
from controller.journal.small_files import MemoryDisk
from controller.launch.launcher import InlineJobs, Launcher, LauncherTools
from controller.loop.round import Controller, NodeServices
from controller.triggers.trigger_work import TriggerWork
from flow.model.clock import VirtualClock
from flow.model.snapshot import ProjectView, Snapshot
from flow.node.gpu_use import GpuUse
from flow.node.node_world import NodeIdentity, World
from flow.node.owner_word import NOTHING_WANTED, OwnerWord
from flow.project.replies import steps_of
from runner import gpus as runner_gpus
from runner.contract.errors import EngineUnavailable
from runner.contract.fake import FakeRunner
from runner.contract.labels import Owner, gpu_share_of
from runner.contract.spec import Container
from schema import layout
from schema.node import Health, Inventory, NodeGpu
from state.contract.repository import Edit, Landed
from state.memory.memory_repository import MemoryRepository, MemoryServer
from tests.simulation import starts
from tests.simulation.data import Data, SimulatedTrees
from tests.simulation.faults import BrittleDisk, BrokenTrees, Crash, FlakyRepository, Link, Network, Weather
from tests.simulation.invariants import Checker, Told, Violation
from tests.simulation.jobs import SlowJobs
from tests.simulation.owners import Owners
from tests.simulation.people import Person, alone, initial_files, sharing
from tests.simulation.people import rivals as competing
from tests.simulation.schedule import Schedule
from tests.simulation.turns import turning

POLL, BEAT, LOST_AFTER = 5.0, 10.0, 60.0
WOKEN = 0.05
"""Seconds until a node that was woken looks again."""
AUTHOR = "Ada <ada@example.org>"


@dataclass
class Machine:
    """What survives its controller: disk, containers, link."""

    name: str
    disk: MemoryDisk
    runner: FakeRunner
    link: Link
    chance: Random
    controller: Controller | None = None
    pending: World | None = None
    next_turn: float = 0.0
    asleep_until: float = 0.0
    gpus: "Gpus" = field(default_factory=lambda: Gpus())
    woken: bool = False
    launched: list[str] = field(default_factory=list)
    data: Data = field(default_factory=Data)
    boot: str = "1"
    jobs: SlowJobs | None = None
    triggers: TriggerWork | None = None

    def gpu_use(self, *, fresh: bool = False) -> GpuUse:
        """What programs that share a GPU use of it, by their scripts. Like the driver it says that of those which the
        controller saw at its last look, and needs no engine for it.
        """
        sharing = self.controller.sharing if self.controller else ()
        return GpuUse({id: self.runner.gpu_memory(id) for id in sharing})

    def too_much(self, container: str) -> bool:
        found = self.runner.containers()[container]
        share = gpu_share_of(found.labels)
        return bool(share) and any(used > (share or 0) for used in self.runner.gpu_memory(container).values())


class Gpus:
    """What a driver would say: one GPU, on the second machine a small one as well. The stages' own programs never get
    as far as to be seen on them; those of others, and a fall off the bus, are a test's to say.
    """

    text, certain = "", True

    def __init__(self, node: str = "") -> None:
        self.others, self.lost = set[str](), set[str]()
        sizes = (8, 24) if node == "n1" else (24,) if node else ()
        self.all = [
            NodeGpu(uuid=f"GPU-{node}-{size}", model=f"RTX {size}", memory=size << 30, watched=True) for size in sizes
        ]

    @property
    def memory(self) -> dict[str, int]:
        return {gpu.uuid: gpu.memory for gpu in self.all}

    def look(self, *, fresh: bool = False) -> tuple[NodeGpu, ...]:
        return tuple(gpu.model_copy(update={"health": self._health(gpu.uuid)}) for gpu in self.all)

    def _health(self, uuid: str) -> Health:
        if uuid in self.lost:
            return Health.LOST
        return Health.BUSY if uuid in self.others else Health.OK


def unwanted(*_: object) -> OwnerWord:
    return NOTHING_WANTED


class WatchedRunner:
    """The fake runner, telling the checker of every start and stop."""

    def __init__(
        self, inner: FakeRunner, checker: Checker, node: str, memory: Mapping[str, int], silent: Callable[[], bool]
    ) -> None:
        self._inner, self._checker, self._node, self._silent = inner, checker, node, silent
        self._memory = memory

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)

    def containers(self) -> Mapping[str, Container]:
        if self._silent():
            raise EngineUnavailable("no answer")
        return self._inner.containers()

    def start(self, container: str) -> None:
        self._inner.start(container)
        self._checker.started(self._node, container)
        self._checker.sharing(self._node, self._inner.in_use(), self._memory)

    def stop(self, container: str) -> None:
        if (found := self._inner.containers().get(container)) and found.running:
            self._checker.stopping(self._node, container)
        self._inner.stop(container)


class Cluster:
    def __init__(
        self,
        seed: int,
        *,
        nodes: int = 3,
        projects: int = 3,
        weather: Weather | None = None,
        requests: int = 12,
        stubborn: bool = False,
        impatient: bool = False,
        limit: int = 600,
        deletes: float = 0.1,
        pause: float = 60.0,
        graphs: bool = False,
        exclusive: bool = False,
        slow: float = 0.0,
        rivals: bool = False,
        owned: bool = False,
        shared: bool = False,
        turns: bool = False,
    ) -> None:
        """`impatient`: what ends beside a round wakes its node, as in earnest, and it may die at any write. `slow`: the
        seconds that launches and collections take on average; 0 where they are done within their round.
        """
        self.impatient, self.slow = impatient, slow
        self.chance = Random(seed)
        self.clock = VirtualClock()
        self.now = {"now": 0.0}
        self.weather = weather or Weather()
        self.weather.schedule, self.weather.clock = Schedule(), self.clock
        self.network = Network()
        files = initial_files(projects, self.chance, LOST_AFTER, stubborn, limit, graphs)
        files = alone(files) if exclusive else competing(files) if rivals else sharing(files) if shared else files
        files = {**turning(files), starts.FILE: starts.TRIGGER} if turns else files
        self.server = MemoryServer.create(files)
        self.observer = MemoryRepository(self.server)
        self.checker = Checker(self.server, self.network, LOST_AFTER, self.clock)
        self.machines = [self._machine(index) for index in range(nodes)]
        self.weather.names = {id(machine.chance): machine.name for machine in self.machines}
        self.person = Person(self.observer, Random(self.chance.random()), projects, deletes, graphs)
        self.checker.too_much = lambda node, container: self._machine_of(node).too_much(container)
        self.person.turns = turns
        self.pause = pause
        self.files = Random(seed)
        self.asks_left, self.next_ask = requests, 5.0
        self.rounds = self.crashes = 0
        self.rivals, self.turns = rivals, turns
        names = [machine.name for machine in self.machines]
        chance = Random(seed)
        self.owners = Owners(self.server, self.checker, self.clock, chance, names) if owned else None

    # -- building ---------------------------------------------------------------------------------------------------

    def _machine(self, index: int) -> Machine:
        name = f"n{index}"
        owner = Owner("sim", name, self._hex())
        disk = MemoryDisk()
        Journal(disk).install(owner.incarnation)
        chance = Random(self.chance.random())
        return Machine(name, disk, FakeRunner(owner, self.clock.now), Link(), chance, gpus=Gpus(name))

    def _machine_of(self, node: str) -> Machine:
        return next(each for each in self.machines if each.name == node)

    def _hex(self) -> str:
        return f"{self.chance.getrandbits(128):032x}"

    def _boot(self, machine: Machine) -> Controller:
        failpoint = self._failpoint(machine)
        journal = Journal(BrittleDisk(machine.disk, failpoint) if self.impatient else machine.disk)
        incarnation = journal.incarnation() or ""
        repository = FlakyRepository(
            MemoryRepository(self.server), machine.chance, self.weather, machine.link, self.network, self.now
        )
        silent = partial(self._engine_away, machine)
        runner = WatchedRunner(machine.runner, self.checker, machine.name, machine.gpus.memory, silent)
        owner = Owner("sim", machine.name, incarnation)
        trees = BrokenTrees(
            SimulatedTrees(machine.name, machine.data, self.checker, failpoint), machine.chance, self.weather
        )
        lost, wake = partial(runner_gpus.lost, machine.gpus), partial(self._wake, machine)
        machine.jobs = SlowJobs(machine.chance, self.clock.now, self.slow) if self.slow else None
        jobs = machine.jobs or InlineJobs()
        machine.triggers = starts.watcher(machine.disk, repository, self.clock.now) if self.turns else None  # type: ignore[arg-type]
        tools = LauncherTools(owner, runner, trees, journal, jobs, self.clock, failpoint, wake, lost=lost)  # type: ignore[arg-type]
        inventory = Inventory(
            node=machine.name,
            incarnation=incarnation,
            runner="fake",
            cpus=4,
            slots=2,
            store="shared",
            exclusive=True,
        )
        return Controller(
            NodeServices(
                me=NodeIdentity(machine.name, incarnation, inventory, settle=1.0),
                repository=repository,
                runner=runner,  # type: ignore[arg-type]
                workshop=Launcher(tools),
                trees=trees,
                journal=journal,
                clock=self.clock,
                poll=POLL,
                beat=BEAT,
                fresh_id=lambda: f"{machine.chance.getrandbits(128):032x}",
                failpoint=failpoint,
                gpus=machine.gpus,
                gpu_use=machine.gpu_use,
                boot=machine.boot,
                owner=self.owners.watch(machine.name, machine.disk).look if self.owners else unwanted,
            )
        )

    def _failpoint(self, machine: Machine) -> Callable[[str], None]:
        def hit(name: str) -> None:
            if self.weather.strikes(machine.chance, self.weather.crash, f"dies at {name}"):
                raise Crash(name)

        return hit

    def _engine_away(self, machine: Machine) -> bool:
        weather = self.weather
        return bool(weather.engine) and weather.strikes(machine.chance, weather.engine, "engine away")

    def _wake(self, machine: Machine) -> None:
        machine.woken = self.impatient

    # -- running ----------------------------------------------------------------------------------------------------

    def run(self, *, stormy: float = 1200.0, calm: float = 6000.0) -> "Cluster":
        """Bad weather first, then good weather until everything is at rest."""
        self._until(stormy, lambda: False)
        self._clear_up()
        self._until(stormy + calm, self._at_rest)
        self.checker.finished(self._views(), self._leftovers() + self._remains())
        if self.turns and (what := starts.missing(self.snapshot())):
            raise Violation(what)
        return self

    def _clear_up(self) -> None:
        self.weather.clear()
        self.network.down_until = 0.0
        for machine in self.machines:
            machine.link.cut = machine.link.mute = False
            machine.asleep_until = 0.0
        self.person.obliging = True
        if self.owners:
            self.owners.leave()

    def _until(self, end: float, done: Callable[[], bool]) -> None:
        while self.clock.seconds < end:
            if self.clock.seconds >= self.next_ask:
                self._ask()
            machine = min(self.machines, key=lambda m: m.next_turn)
            self._move_to(max(machine.next_turn, self.clock.seconds))
            self._turn(machine)
            self.checker.look()
            for each in self.machines:
                self.checker.sharing(each.name, each.runner.in_use(), each.gpus.memory)
            self.checker.alone(dict(self._running()))
            if self.rivals:
                self.checker.waiting(self._views())
            if self.rounds % 20 == 0 and done():
                return

    def _running(self) -> Iterator[tuple[str, str]]:
        """Containers, and their nodes."""
        for machine in self.machines:
            yield from self._running_on(machine)

    def _running_on(self, machine: Machine) -> Iterator[tuple[str, str]]:
        return ((id, machine.name) for id, found in machine.runner.containers().items() if found.running)

    def _move_to(self, time: float) -> None:
        if self.network.up(time):
            self.network.up_seconds += time - self.clock.seconds
        self.clock.seconds = self.now["now"] = time

    def _ask(self) -> None:
        if self.asks_left > 0 or self.person.obliging:
            if self.person.obliging or self.weather.schedule.falls(self.clock.seconds, "", "somebody asks"):
                self.person.act()
            self.asks_left -= 1
        if not self.person.obliging:
            self._put()
            if self.owners and self.chance.random() < 0.3:
                self.edit(self.owners.wish())
        self.next_ask = self.clock.seconds + self.chance.expovariate(1 / self.pause)

    def _put(self) -> None:
        """Somebody puts a file of a project on a node that knows what became of the project before.

        Not between a restoration on `main` and what the controllers make of it: a purge that was decided on the older
        `main` may still land, and whether such a file is of the old project or of the new one nobody can say.
        """
        machine, project = self.files.choice(self.machines), f"v{self.files.randrange(self.person.projects)}"
        controller = machine.controller
        if controller is None or machine.pending is not None or not controller.snapshot:
            return
        told = self.server.commits[controller.snapshot.state].depth == len(self.server.history(layout.STATE))
        between = self.checker.projects.get(project, Told()).buried
        if told and not between and self.server.main_paths(f"projects/{project}/project.yaml"):
            machine.data.put(project, f"f{self.rounds}", self.checker.generation(project))

    def _turn(self, machine: Machine) -> None:
        """Half a round: others may act between what a node observes and what it does."""
        self.rounds += 1
        self._misfortune(machine)
        if self.clock.seconds < machine.asleep_until:
            machine.next_turn = machine.asleep_until
            return
        if machine.pending is None:
            self.checker.looked(machine.name, self.clock.seconds)
        try:
            if machine.controller is None:
                machine.controller = self._boot(machine)
            if machine.jobs:
                machine.jobs.go_on()
            if machine.pending is None:
                machine.pending = machine.controller.observe()
                machine.next_turn = self.clock.seconds + machine.chance.uniform(0.0, 0.5)
                return
            world, machine.pending = machine.pending, None
            machine.controller.step(world)
            self._at_desks(machine)
            self._start_others(machine)
        except Crash:
            if self.owners:
                self.owners.claims()
            self._crashed(machine)
        pause = POLL * machine.chance.uniform(0.85, 1.15)
        machine.next_turn = self.clock.seconds + (WOKEN if machine.woken else pause)
        machine.woken = False

    def _at_desks(self, machine: Machine) -> None:
        if self.owners:
            self.owners.acted(machine.name, {id: self.checker.stage_of(id) for id, _ in self._running_on(machine)})
            if not self.person.obliging:
                self.owners.turn(machine.name)

    def _start_others(self, machine: Machine) -> None:
        """What triggers want by what this node saw last; it may die right before."""
        if machine.triggers and machine.controller and machine.controller.snapshot:
            machine.triggers.seen(machine.controller.snapshot)
            self._failpoint(machine)("triggers")
            machine.triggers.turn()
            if what := starts.broken(self.snapshot().projects):
                raise Violation(what)

    def _crashed(self, machine: Machine) -> None:
        machine.controller = machine.pending = None
        self.crashes += 1

    def _misfortune(self, machine: Machine) -> None:
        weather, chance = self.weather, machine.chance
        if weather.strikes(chance, weather.partition * (weather.heal if machine.link.cut else 1), "link cut or back"):
            machine.link.cut = not machine.link.cut
        if weather.mute and weather.strikes(chance, weather.mute, "pushes cut or back"):
            machine.link.mute = not machine.link.mute
        if weather.strikes(chance, weather.outage, "server away"):
            self.network.down_until = self.clock.seconds + chance.uniform(10, 4 * LOST_AFTER)
        if weather.strikes(chance, weather.suspend, "asleep"):
            machine.asleep_until = self.clock.seconds + chance.uniform(5, 3 * LOST_AFTER)
        if weather.strikes(chance, weather.reboot, "rebooted"):
            machine.runner.machine_reboot()
            machine.boot += "1"
            self._crashed(machine)

    # -- looking ----------------------------------------------------------------------------------------------------

    def snapshot(self) -> Snapshot:
        return self.observer.fetch()

    def _views(self) -> list[ProjectView]:
        return list(self.snapshot().projects.values())

    def _at_rest(self) -> bool:
        if self.turns and starts.missing(self.snapshot()):
            return False
        return (
            not self._leftovers()
            and not self._remains()
            and all(
                not view.unanswered and not steps_of(view).run and not steps_of(view).active
                for view in self._views()
                if not view.deletion
            )
        )

    def _leftovers(self) -> list[str]:
        """What must be gone once the weather is fine: running containers, results that were not delivered."""
        left = []
        for machine in self.machines:
            left += [f"{machine.name} runs {id[:8]}" for id, c in machine.runner.containers().items()]
            left += [
                f"{machine.name} keeps {name}" for name in machine.disk.names("outbox") + machine.disk.names("claims")
            ]
        if self.owners:
            said = self.snapshot().inventories
            left += [f"{name} says that it is in use" for name, each in said.items() if each.owner]
        return left

    def _remains(self) -> list[str]:
        """Data of deleted projects, whether or not there is a new one of that name."""
        left = []
        for machine in self.machines:
            for project in machine.data.projects():
                generations, numbers = machine.data.left(project)
                told = self.checker.projects.get(project, Told())
                gone = not told.buried and not self.server.main_paths(f"projects/{project}/project.yaml")
                if gone or min(generations, default=told.generation) < told.generation:
                    left.append(f"{machine.name} keeps files of {project}")
                if numbers and min(numbers) <= told.purged:
                    left.append(f"{machine.name} keeps {project}/{min(numbers)}")
        return left

    def edit(self, files: dict[str, str | None], message: str = "edit") -> str:
        outcome = self.observer.propose(Edit(files, message, AUTHOR), base=self.snapshot().main)
        assert isinstance(outcome, Landed)
        return outcome.oid
