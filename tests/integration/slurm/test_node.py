"""A whole node that stands for a partition: real git, real Slurm, kill -9."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from flow.status.states import stage_states
from schema.execution import State
from schema.reasons import End
from tests.integration.node.lab import UNTIL_TOLD, Lab, stage
from tests.integration.slurm import loopback
from tests.integration.slurm.loopback import SlurmOnLoopback


@pytest.fixture
def cluster() -> SlurmOnLoopback:
    return loopback.need()


@pytest.fixture
def lab(tmp_path: Path, cluster: SlurmOnLoopback) -> Iterator[Lab]:
    lab = Lab(tmp_path / "lab", stage("one", UNTIL_TOLD) + stage("two"), runner="slurm")
    yield lab
    lab.close()
    for number in cluster.ask("squeue", "-h", "-o", "%i").split():
        cluster.ask("scancel", number)


def winslowctl(lab: Lab, *arguments: str) -> str:
    found = subprocess.run(
        [str(Path(sys.executable).parent / "winslowctl"), *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, "WINSLOW_REPO": lab.url, "WINSLOW_DATA": str(lab.folder / "ctl")},
    )
    assert found.returncode == 0, found.stderr
    return found.stdout


def test_L2_a_node_that_is_killed_changes_nothing_for_its_jobs(lab: Lab) -> None:
    first = lab.node("cluster")
    lab.ask("request: start\n")
    lab.until_state(State.RUNNING)
    first.kill()
    lab.node("cluster")
    lab.go()
    view = lab.until_reason("Done")
    assert [record.state for record in view.executions] == [State.SUCCEEDED, State.SUCCEEDED]
    assert lab.ran() == ["one", "two"]


def test_a_stage_that_waits_in_slurms_queue_says_so_on_every_surface(lab: Lab, cluster: SlurmOnLoopback) -> None:
    script = "#!/bin/sh\nexec sleep 600\n"
    blocker = subprocess.run(
        ["sbatch", "--parsable", "--cpus-per-task=2", "--output=/dev/null"],
        input=script,
        capture_output=True,
        text=True,
    ).stdout.strip()
    lab.node("cluster")
    lab.go()
    lab.ask("request: start\n")
    view = lab.until(lambda view: bool(view.executions and view.executions[-1].times.awaits))
    record = view.executions[-1]
    assert (record.state, record.times.awaits) in ((State.PREPARING, "Resources"), (State.PREPARING, "Priority"))
    assert record.text.startswith("queued in Slurm's partition main as job ")
    snapshot = lab.repository.fetch()
    assert [each.state for each in stage_states(snapshot, snapshot.projects["v"])][:1] == ["queued"]
    shown = json.loads(winslowctl(lab, "-o", "json", "describe", "v"))
    assert shown["stages"][0]["state"] == "queued"
    assert "queued in Slurm's partition" in winslowctl(lab, "describe", "v")
    cluster.ask("scancel", blocker)
    view = lab.until_reason("Done")
    assert {record.times.awaits for record in view.executions} == {""}


def test_M7_an_abort_ends_a_job_in_the_queue_and_one_that_runs(lab: Lab, cluster: SlurmOnLoopback) -> None:
    lab.node("cluster")
    lab.ask("request: start\n")
    lab.until_state(State.RUNNING)
    lab.ask("request: abort\nexecution: 1\n")
    view = lab.until_state(State.ABORTED)
    record = view.execution(1)
    assert record
    assert record.reason is End.ABORTED
    lab.until(lambda view: not cluster.jobs("PENDING,RUNNING"))
