"""One whole controller with a fake runner and a virtual clock, on a real state repository behind a real server."""

import secrets
from pathlib import Path

from controller.dirs.contract import NoTrees
from controller.journal.journal import Journal
from controller.journal.small_files import FolderDisk
from controller.launch.launcher import InlineJobs, Launcher, LauncherTools
from controller.loop.round import Controller, NodeServices
from flow.model.clock import VirtualClock
from flow.node.node_world import NodeIdentity
from runner.contract.fake import FakeRunner
from runner.contract.labels import Owner
from schema.node import Inventory
from state.contract.repository import Edit, Landed, Outcome
from state.git.git_repository import GitRepository
from tests.integration.git.remotes import AUTHOR, client

POLL, RUNS = 10.0, 60.0
PIPELINE = f"""name: p
env: {{FAKE_SECONDS: "{RUNS:g}"}}
stages:
  - {{name: work, image: host/x, command: [x]}}
"""


class Bench:
    """`repository` is what the node has; people edit past the server. `said` is what the node said."""

    def __init__(self, folder: Path, repository: GitRepository, name: str = "n1", data: str = "n1") -> None:
        self.folder, self.name, self.clock, self.said = folder, name, VirtualClock(), list[str]()
        self.owner = Owner("bench", name, secrets.token_hex(16))
        self.runner = FakeRunner(self.owner, self.clock.now)
        self.disk = FolderDisk(folder / f"{data}.node")
        Journal(self.disk).install(self.owner.incarnation)
        self.repository = repository
        self.people = client(folder, f"{data}.people")
        self.start()

    def start(self) -> None:
        """A controller from what is on the disk."""
        journal, trees = Journal(self.disk), NoTrees()
        tools = LauncherTools(self.owner, self.runner, trees, journal, InlineJobs(), self.clock)
        inventory = Inventory(node=self.name, incarnation=self.owner.incarnation, runner="fake", cpus=4, slots=2)
        self.journal = journal
        self.controller = Controller(
            NodeServices(
                me=NodeIdentity(self.name, self.owner.incarnation, inventory, settle=0.0),
                repository=self.repository,
                runner=self.runner,
                workshop=Launcher(tools),
                trees=trees,
                journal=journal,
                clock=self.clock,
                poll=POLL,
                beat=30.0,
                fresh_id=lambda: secrets.token_hex(16),
                say=self.said.append,
            )
        )

    def round(self) -> Outcome | None:
        self.clock.seconds += POLL
        return self.controller.round()

    def rounds(self, seconds: float) -> None:
        for _ in range(int(seconds / POLL)):
            self.round()

    def begin(self) -> None:
        """A person's start, and rounds until the stage runs."""
        self.ask()
        for _ in range(20):
            self.round()
            if self.running():
                return
        raise AssertionError(f"it does not run: {self.said}")

    def ask(self) -> None:
        self.edit({"pipelines/p.yaml": PIPELINE, "projects/v/requests/0001-start.yaml": "request: start\n"})

    def edit(self, files: dict[str, str | None]) -> None:
        outcome = self.people.propose(Edit(files, "edit", AUTHOR), base=self.people.fetch().main)
        assert isinstance(outcome, Landed), outcome

    def running(self) -> list[str]:
        return [id for id, container in self.runner.containers().items() if container.running]

    def states(self) -> list[str]:
        return [execution.state.value for execution in self.people.fetch().projects["v"].executions]
