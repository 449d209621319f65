"""A real state repository by path, real nodes as processes of their own, and people who push."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from flow.model.snapshot import ProjectView
from flow.project.replies import steps_of
from schema import layout
from schema.execution import State
from state.contract.repository import Edit
from state.edits.main import commit_edit, next_request_name
from state.git.git_repository import GitRepository
from state.server.setup import init

AUTHOR = "Ada <ada@example.org>"
HANG = 120.0
"""A guard against hanging, many times what anything here takes, also on a machine with much else to do."""

NODE = """
import os, sys
from pathlib import Path
from controller.node.assembly import run_node
from controller.node.options import NodeOptions
from runner.slurm.submission import SlurmOptions
repo, name, data, runner = sys.argv[1:5]
sys.exit(run_node(NodeOptions(repo=repo, name=name, data=Path(data), runner=runner,
    slurm=SlurmOptions("main") if runner == "slurm" else None,
    poll=float(os.environ.get("TEST_POLL", "0.25")), heartbeat=0.4, slots=2, settle=0.1, board=0.5,
    build=bool(os.environ.get("TEST_BUILD")),
    policy=Path(os.environ["TEST_POLICY"]) if "TEST_POLICY" in os.environ else None,
    triggers="TEST_TRIGGERS" in os.environ,
    notify=Path(os.environ["TEST_NOTIFY"]) if "TEST_NOTIFY" in os.environ else None),
    lambda text: print(text, flush=True)))
"""

WORK = "import os, time; print(os.environ['WINSLOW_STAGE'], file=open(os.environ['RUNS'], 'a')); "
UNTIL_TOLD = "[time.sleep(0.05) for _ in iter(lambda: os.path.exists(os.environ['RUNS'] + '.go'), True)]"
"""The program of a stage that goes on until `Lab.go` ends it, however loaded the machine is."""


def stage(name: str, program: str = "", **more: object) -> str:
    code = (WORK + program).replace('"', '\\"')
    extra = "".join(f", {key}: {value}" for key, value in more.items())
    return f'  - {{name: {name}, image: host/python, command: [python, -c, "{code}"]{extra}}}\n'


class Lab:
    def __init__(self, folder: Path, stages: str, *, lost_after: str = "4s", runner: str = "process") -> None:
        self.folder, self.runner = folder, runner
        folder.mkdir()
        self.remote = folder / "state.git"
        self.runs = folder / "runs.txt"
        self.runs.touch()
        pipeline = f"name: p\nenv: {{RUNS: {self.runs}}}\nstages:\n{stages}"
        files = {
            "winslow.yaml": f"schema: 1\nlost_after: {lost_after}\n",
            "pipelines/p.yaml": pipeline,
            "projects/v/project.yaml": "pipeline: p\n",
        }
        init(self.remote, bare=True, files=files, author=AUTHOR)
        self.repository = GitRepository(str(self.remote), folder / "view.git")
        self.url = str(self.remote)  # how nodes reach it
        self.nodes: list[subprocess.Popen[str]] = []

    # -- nodes ------------------------------------------------------------------------------------------------------

    def node(self, name: str = "n1", *, failpoint: str = "") -> "Node":
        return self.node_in(name, name, failpoint=failpoint)

    def node_in(self, name: str, data: str, *, failpoint: str = "") -> "Node":
        """A node of that name with its data in that folder of the lab."""
        child = subprocess.Popen(
            [sys.executable, "-c", NODE, self.url, name, str(self.folder / data), self.runner],
            env={**os.environ, "WINSLOW_FAILPOINT": failpoint},
            cwd=Path(__file__).parents[3],
            stdout=(self.folder / f"{data}.log").open("a"),
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.nodes.append(child)
        return Node(child)

    def close(self) -> None:
        for child in self.nodes:
            if child.poll() is None:
                child.kill()
            child.wait()
        for file in self.folder.glob("*/runs/*/shim.json"):
            _end(file)

    # -- people -----------------------------------------------------------------------------------------------------

    def ask(self, text: str, project: str = "v", *, sleep: Callable[[float], None] = time.sleep) -> str:
        kind = text.partition("request: ")[2].split("\n")[0].split(",")[0]

        def build(snapshot: object) -> Edit:
            name = next_request_name(self.repository.fetch().projects.get(project), kind)
            return Edit({layout.request(project, name): text}, f"{kind} {project}", AUTHOR)

        return commit_edit(self.repository, build, sleep=sleep)

    def edit(self, files: Mapping[str, str | None], message: str = "edit") -> str:
        return commit_edit(self.repository, lambda _: Edit(files, message, AUTHOR), sleep=time.sleep)

    def take_away(self) -> None:
        """Without its HEAD the remote is no repository; moved as a whole, it would tear what writes at this moment."""
        (self.remote / "HEAD").rename(self.remote / "HEAD.away")

    def bring_back(self) -> None:
        (self.remote / "HEAD.away").rename(self.remote / "HEAD")

    def go(self) -> None:
        """Lets stages end that wait `UNTIL_TOLD`."""
        Path(f"{self.runs}.go").touch()

    # -- looking ----------------------------------------------------------------------------------------------------

    def view(self, project: str = "v") -> ProjectView:
        return self.repository.fetch().projects[project]

    def until(self, condition: Callable[[ProjectView], bool], project: str = "v") -> ProjectView:
        deadline = time.monotonic() + HANG
        while time.monotonic() < deadline:
            view = self.view(project)
            if condition(view):
                return view
            time.sleep(0.05)
        logs = "\n".join(path.read_text()[-2000:] for path in self.folder.glob("*.log"))
        raise AssertionError(f"never: {steps_of(self.view(project))}\n{logs}")

    def until_reply(self, project: str = "v") -> ProjectView:
        return self.until(lambda view: bool(view.replies) and not view.unanswered, project)

    def until_reason(self, reason: str, project: str = "v") -> ProjectView:
        def reached(view: ProjectView) -> bool:
            wait = steps_of(view).wait
            return wait is not None and wait.reason == reason and not view.unanswered and not steps_of(view).active

        return self.until(reached, project)

    def until_state(self, state: State, number: int = 1) -> ProjectView:
        def reached(view: ProjectView) -> bool:
            record = view.execution(number)
            return record is not None and record.state is state

        return self.until(reached)

    def ran(self) -> list[str]:
        """The stages' own run log: one line each time a program was started."""
        return self.runs.read_text().splitlines()


class Node:
    def __init__(self, child: subprocess.Popen[str]) -> None:
        self.child = child

    def kill(self) -> None:
        self.child.kill()
        self.child.wait()

    def stop(self) -> int:
        self.child.send_signal(signal.SIGTERM)
        return self.child.wait(HANG)

    def died(self) -> bool:
        return self.child.wait(HANG) == -signal.SIGKILL


def _end(file: Path) -> None:
    import json

    facts = json.loads(file.read_text())
    for number in (facts["stage"], facts["pid"]):
        try:
            os.killpg(number, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass
