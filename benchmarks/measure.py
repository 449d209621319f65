"""What the benchmarks share: a state repository, a node as a child process, and figures of what was timed."""

import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from flow.model.snapshot import ProjectView, Snapshot
from flow.project.replies import steps_of
from state.contract.repository import Edit
from state.edits.main import commit_edit
from state.git.git_repository import GitRepository
from state.server.main_check import passes
from state.server.setup import init

AUTHOR = "Bench <bench@example.org>"
PATIENCE = 90.0
"""Seconds after which a node that does not get on ends the benchmark."""


def spread(values: list[float]) -> dict[str, float]:
    """Median and 95th percentile, in the unit of the values."""
    ordered = sorted(values)
    p95 = ordered[round(0.95 * (len(ordered) - 1))]
    return {"median": round(statistics.median(ordered), 4), "p95": round(p95, 4), "n": len(ordered)}


def timed(action: Callable[[], object]) -> float:
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


@dataclass
class Lab:
    """A bare state repository by path, with one pipeline of `count` equal stages and some projects."""

    folder: Path
    projects: list[str]
    stage: str
    count: int
    asked: int = 0
    repository: GitRepository = field(init=False)

    def __post_init__(self) -> None:
        stages = "".join(f"  - {{name: s{number}, {self.stage}}}\n" for number in range(self.count))
        files = {"winslow.yaml": "schema: 1\n", "pipelines/p.yaml": f"name: p\nstages:\n{stages}"}
        files |= {f"projects/{id}/project.yaml": "pipeline: p\n" for id in self.projects}
        init(self.remote, bare=True, files=files, author=AUTHOR)
        self.repository = GitRepository(str(self.remote), self.folder / "view.git", check=passes)

    @property
    def remote(self) -> Path:
        return self.folder / "state.git"

    def ask(self, projects: list[str]) -> float:
        """Start them with one commit; when its push had returned, by the wall clock."""
        self.asked += 1
        files: dict[str, str | None] = {
            f"projects/{id}/requests/{self.asked:04d}-start.yaml": "request: start\nstage: s0\n" for id in projects
        }
        self.edit(files)
        return time.time()

    def edit(self, files: dict[str, str | None]) -> None:
        commit_edit(self.repository, lambda _: Edit(files, "edit", AUTHOR), sleep=time.sleep)

    def until(self, done: Callable[[Snapshot], bool], pause: float = 0.05, patience: float = PATIENCE) -> Snapshot:
        """Look now and then, seldom enough not to be in the way."""
        deadline = time.monotonic() + patience
        while not done(snapshot := self.repository.fetch()):
            if time.monotonic() > deadline:
                raise SystemExit("the node does not get on")
            time.sleep(pause)
        return snapshot

    def ran(self, count: int) -> Callable[[Snapshot], bool]:
        """Whether so many executions were made in all, and nothing is left to do."""

        def done(snapshot: Snapshot) -> bool:
            views = snapshot.projects.values()
            return sum(len(view.executions) for view in views) == count and not any(map(at_work, views))

        return done

    def begun(self, project: str, last: int) -> list[float]:
        """When each of its last executions began, by what it wrote itself."""
        executions = self.repository.fetch().projects[project].executions[-last:]
        logs = (f"projects/{project}/logs/{each.execution:04d}-{each.stage}.txt" for each in executions)
        return [float((self.repository.read_text(log) or "").split(" ", 2)[2]) for log in logs]


def at_work(view: ProjectView) -> bool:
    steps = steps_of(view)
    return bool(view.unanswered or steps.active or steps.run)


@dataclass
class Node:
    """`winslowctl node` as a child; once it has ended, the CPU seconds of it and of all its children."""

    process: "subprocess.Popen[bytes]"
    cpu: float = 0.0

    def end(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        _, status, usage = os.wait4(self.process.pid, 0)
        self.process.returncode = os.waitstatus_to_exitcode(status)
        self.cpu = usage.ru_utime + usage.ru_stime


@contextmanager
def node(lab: Lab, *options: str) -> Iterator[Node]:
    log = (lab.folder / "node.log").open("wb")
    command = [
        str(Path(sys.executable).with_name("winslowctl")),
        "--repo",
        str(lab.remote),
        "--data",
        str(lab.folder / "node"),
    ]
    running = Node(subprocess.Popen([*command, "node", "--name", "bench", *options], stdout=log, stderr=log))
    try:
        lab.until(lambda snapshot: bool(snapshot.inventories) and bool(snapshot.heartbeats))
        yield running
    finally:
        if running.process.returncode is None:
            running.end()
        log.close()
