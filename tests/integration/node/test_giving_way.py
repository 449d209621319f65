"""Two real nodes that share nothing: a stage gives way on the one, and goes on from what it saved on the other."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flow.node.node_states import standing
from runner.store.workspaces import Workspaces
from schema.execution import State
from schema.reasons import End
from tests.integration.node.lab import HANG, UNTIL_TOLD, Lab, stage
from tests.integration.node.test_peers import Fleet

Labs = Callable[..., Lab]
COUNTS = (
    "import signal, sys, pathlib; "
    "saved = pathlib.Path('saved/count'); saved.parent.mkdir(exist_ok=True); scratch = pathlib.Path('scratch'); "
    "began = int(saved.read_text()) if saved.exists() else 0; "
    "text = ('found scratch' if scratch.exists() else 'no scratch') + ' began with ' + str(began); "
    "print(text, file=open(os.environ['RUNS'], 'a')); "
    "scratch.write_text('x'); "
    "signal.signal(signal.SIGUSR1, lambda *_: (saved.write_text(str(began + 41)), sys.exit(0))); "
) + UNTIL_TOLD
OTHER = "name: q\nstages:\n" + stage("first", UNTIL_TOLD, node="{labels: [n1]}")


@pytest.fixture
def fleet(lab: Labs) -> Iterator[Fleet]:
    wishes = {
        "interruptible": "true", "min_runtime": "0.5s", "checkpoint": '{paths: ["saved/**"], signal: USR1}',
        "node": "{prefer: [n1]}",
    }  # fmt: skip
    made = Fleet(lab(stage("one", COUNTS, **wishes), lost_after="20s"))
    made.lab.edit(
        {
            "nodes/n1.yaml": "slots: 1\n",
            "pipelines/q.yaml": OTHER.replace("name: q", f"name: q\nenv: {{RUNS: {made.lab.runs}}}"),
            "projects/v/project.yaml": "pipeline: p\npriority: 10\n",
            "projects/w/project.yaml": "pipeline: q\npriority: 90\n",
        }
    )
    yield made
    made.close()


def test_L5_an_interrupted_stage_goes_on_from_its_checkpoint_on_another_node(fleet: Fleet) -> None:
    lab = fleet.lab
    fleet.start("n1")
    lab.ask("request: start")
    lab.until_state(State.RUNNING)
    lab.until(lambda _: any("began" in line for line in lab.ran()))
    lab.ask("request: start", "w")
    view = lab.until(lambda view: view.executions[0].state is State.FAILED)
    gone = view.executions[0]
    assert (gone.reason, gone.text) == (End.PREEMPTED, "it gave way to w/first, of priority 90; its own is 10")
    fleet.start("n2")
    view = lab.until(lambda view: len(view.executions) > 1 and bool(view.executions[-1].claim.node == "n2"))
    lab.until(lambda _: sum("began" in line for line in lab.ran()) == 2)
    lab.go()
    view = lab.until_reason("Done")
    again = view.executions[-1]
    assert (again.state, again.claim.node, again.workspace.checkpoint) == (State.SUCCEEDED, "n2", 1)
    assert [line for line in lab.ran() if "began" in line] == ["no scratch began with 0", "no scratch began with 41"]
    assert Workspaces(lab.folder / "n2").look("v", again.execution).read("saved/count", 99) == b"41"
    lab.until(lambda other: other.executions[0].state is State.SUCCEEDED, "w")


def winslowctl(fleet: Fleet, *arguments: str) -> None:
    command = [sys.executable, "-m", "cli.main", "--repo", str(fleet.lab.remote), *arguments]
    env = {**os.environ, "XDG_CACHE_HOME": str(fleet.lab.folder / "cache")}
    subprocess.run(command, check=True, timeout=HANG, cwd=Path(__file__).parents[3], env=env)


def test_L5_an_owner_gets_his_machine_back_and_the_stage_goes_on_elsewhere(fleet: Fleet) -> None:
    lab = fleet.lab
    fleet.start("n1")
    lab.ask("request: start")
    lab.until(lambda _: any("began" in line for line in lab.ran()))
    fleet.start("n2")
    lab.until(lambda _: "n2" in lab.repository.fetch().inventories)
    winslowctl(fleet, "yield", "n1", "--for", "1h")
    lab.until(lambda _: sum("began" in line for line in lab.ran()) == 2)
    lab.go()
    first, again = lab.until_reason("Done").executions
    assert first.reason is End.PREEMPTED
    assert first.text == "the owner of n1 wants it: asked for by its owner, for 1h"
    assert (again.claim.node, again.workspace.checkpoint) == ("n2", 1)
    assert standing(lab.repository.fetch(), "n1").why == "in use: asked for by its owner, for 1h"
    winslowctl(fleet, "yield", "n1", "--off")
    lab.until(lambda _: standing(lab.repository.fetch(), "n1").takes)
