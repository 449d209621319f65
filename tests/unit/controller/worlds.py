"""One controller on a repository in memory, round by round, in virtual time."""

from collections.abc import Callable
from dataclasses import replace

from controller.dirs.contract import NoTrees, Trees
from controller.journal.journal import Journal
from controller.journal.small_files import MemoryDisk
from controller.launch.launcher import InlineJobs, Jobs, Launcher, LauncherTools
from controller.loop.round import Controller, NodeServices
from flow.model.clock import VirtualClock
from flow.model.snapshot import ProjectView
from flow.node.node_world import NodeIdentity
from runner.contract.fake import FakeRunner
from runner.contract.labels import Owner
from schema.execution import Execution
from schema.node import Inventory
from state.contract.repository import Edit, Landed
from state.edits.main import request_edit
from state.memory.memory_repository import MemoryRepository, MemoryServer

AUTHOR = "Ada <ada@example.org>"
POLL = 5.0
PIPELINE = "name: p\nstages:\n  - {name: a, image: i}\n"


def server(pipeline: str = PIPELINE, project: str = "pipeline: p\n") -> MemoryServer:
    files = {"winslow.yaml": "schema: 1\n", "pipelines/p.yaml": pipeline, "projects/v/project.yaml": project}
    return MemoryServer.create(files)


class OneNode:
    """Its disk and its containers outlive its controller, which `restart` makes anew."""

    def __init__(
        self, remote: MemoryServer | None = None, trees: Trees | None = None, jobs: Jobs | None = None
    ) -> None:
        self.remote = remote or server()
        self.clock, self.disk = VirtualClock(), MemoryDisk()
        self.trees, self.jobs = trees or NoTrees(), jobs or InlineJobs()
        self.owner = Owner("test", "n1", "1" * 32)
        self.runner = FakeRunner(self.owner, self.clock.now)
        self.said: list[str] = []
        self.wakes = self.ids = 0
        self.failpoint: Callable[[str], None] = lambda name: None
        Journal(self.disk).install(self.owner.incarnation)
        self.restart()

    def restart(self) -> None:
        self.journal = Journal(self.disk)
        tools = LauncherTools(
            self.owner,
            self.runner,
            self.trees,
            self.journal,
            self.jobs,
            self.clock,
            lambda name: self.failpoint(name),
            self._wake,
            self.said.append,
        )
        facts = {"node": "n1", "incarnation": self.owner.incarnation, "runner": "fake"}
        inventory = Inventory(**facts, cpus=4, slots=2, exclusive=True)
        self.workshop = Launcher(tools)
        self.controller = Controller(
            NodeServices(
                me=NodeIdentity("n1", self.owner.incarnation, inventory),
                repository=MemoryRepository(self.remote),
                runner=self.runner,
                workshop=self.workshop,
                trees=self.trees,
                journal=self.journal,
                clock=self.clock,
                poll=POLL,
                beat=10.0,
                fresh_id=self._id,
            )
        )

    def _wake(self) -> None:
        self.wakes += 1

    def _id(self) -> str:
        self.ids += 1
        return f"{self.ids:032x}"

    # -- what goes on -----------------------------------------------------------------------------------------------

    def rounds(self, count: int, seconds: float = POLL) -> None:
        for _ in range(count):
            self.clock.seconds += seconds
            self.controller.round()

    def until(self, condition: Callable[[], bool], most: int = 100) -> None:
        for _ in range(most):
            if condition():
                return
            self.rounds(1)
        raise AssertionError(f"never: {[(e.state, e.reason, e.text) for e in self.view.executions]}; {self.said}")

    def ask(self, **wish: object) -> None:
        repository = MemoryRepository(self.remote)
        snapshot = repository.fetch()
        assert isinstance(repository.propose(request_edit(snapshot, "v", wish, AUTHOR), base=snapshot.main), Landed)

    def edit(self, files: dict[str, str | None]) -> None:
        repository = MemoryRepository(self.remote)
        assert isinstance(repository.propose(Edit(files, "edit", AUTHOR), base=repository.fetch().main), Landed)

    def change(self, **parts: object) -> None:
        """Other parts for the controller that runs now."""
        self.controller.parts = replace(self.controller.parts, **parts)  # type: ignore[arg-type]

    # -- looking ----------------------------------------------------------------------------------------------------

    @property
    def view(self) -> ProjectView:
        return MemoryRepository(self.remote).fetch().projects["v"]

    @property
    def record(self) -> Execution:
        """The newest execution."""
        return self.view.executions[-1]
