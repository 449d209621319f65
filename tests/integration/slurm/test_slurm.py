"""L2 on a real Slurm: who may end a job, who may not, and what a node makes of it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from runner.contract.errors import EngineUnavailable
from runner.contract.spec import Condition, Ending
from runner.slurm import slurm_runner, submission
from runner.slurm.commands import SlurmCommands
from runner.slurm.endings import Lateness
from tests.contract.runners import ENDS, WAITS, Bench, log, slurm
from tests.integration.slurm import loopback
from tests.integration.slurm.loopback import SlurmOnLoopback


@pytest.fixture
def cluster() -> SlurmOnLoopback:
    return loopback.need()


@pytest.fixture
def bench(cluster: SlurmOnLoopback, tmp_path: Path) -> Iterator[Bench]:
    bench = slurm(tmp_path)
    yield bench
    bench.close()


def number(bench: Bench, container: str) -> str:
    return str(json.loads((bench.root / "runs" / container / "job.json").read_text())["job"])


class Counted(SlurmCommands):
    def __init__(self) -> None:
        super().__init__()
        self.calls: list[str] = []

    def _run(self, *command: str, given: str = "") -> str:
        self.calls.append(command[0])
        return super()._run(*command, given=given)


def test_L2_a_job_that_somebody_cancels_is_cancelled_and_no_fault_of_its_program(
    bench: Bench, cluster: SlurmOnLoopback
) -> None:
    runner, spec = bench.runner(), bench.spec(WAITS)
    bench.run(runner, spec)
    bench.up(runner, spec)
    cluster.ask("scancel", number(bench, spec.id))
    found = bench.end(runner, spec.id)
    assert found.ending is Ending.CANCELLED
    assert "outside Winslow (scancel)" in found.detail
    runner.remove(spec.id)
    assert cluster.jobs("PENDING,RUNNING") == []


def test_L2_one_that_is_cancelled_in_the_queue_is_told_at_once(bench: Bench, cluster: SlurmOnLoopback) -> None:
    runner, spec = bench.runner(), bench.spec(WAITS)
    bench.made.append((runner, spec.id))
    runner.create(spec)
    cluster.ask("scancel", number(bench, spec.id))
    assert bench.end(runner, spec.id).ending is Ending.CANCELLED


def test_L2_a_job_that_is_put_back_into_the_queue_does_not_run_twice(bench: Bench, cluster: SlurmOnLoopback) -> None:
    runner = bench.runner(lateness=Lateness(over=2.0, why=2.0))
    marks = bench.root / "marks"
    spec = bench.spec(f"open({str(marks)!r}, 'a').write('x')\n{WAITS}")
    bench.run(runner, spec)
    bench.up(runner, spec)
    job = number(bench, spec.id)
    cluster.ask("scontrol", "update", f"jobid={job}", "requeue=1")
    cluster.ask("scontrol", "requeue", job)
    assert bench.end(runner, spec.id).ending is Ending.INFRASTRUCTURE
    runner.remove(spec.id)
    bench.until(lambda: not [each for each in cluster.jobs("PENDING,RUNNING,COMPLETING") if spec.id in each])
    assert marks.read_text() == "x"


def test_L2_a_job_whose_shim_is_killed_is_judged_once_and_for_all(bench: Bench) -> None:
    runner = bench.runner(lateness=Lateness(over=1.0))
    spec = bench.spec(WAITS)
    bench.run(runner, spec)
    bench.up(runner, spec)
    facts = json.loads((bench.root / "runs" / spec.id / "shim.json").read_text())
    os.kill(facts["pid"], signal.SIGKILL)
    found = bench.end(runner, spec.id)
    assert (found.ending, found.exit_code) == (Ending.INFRASTRUCTURE, None)
    assert bench.end(bench.again(runner), spec.id).detail == found.detail


def test_L2_a_limit_of_the_partition_is_not_the_programs_fault(bench: Bench, cluster: SlurmOnLoopback) -> None:
    runner, spec = bench.runner(), bench.spec(WAITS)
    bench.run(runner, spec)
    bench.up(runner, spec)
    cluster.ask("scontrol", "update", f"jobid={number(bench, spec.id)}", "TimeLimit=0")
    found = bench.end(runner, spec.id)
    assert found.ending in (Ending.INFRASTRUCTURE, Ending.CANCELLED)


def test_L2_slurmctld_away_or_started_anew_ends_nothing(bench: Bench, cluster: SlurmOnLoopback) -> None:
    runner, spec = bench.runner(), bench.spec("import time; print('up', flush=True); time.sleep(4); print('done')")
    bench.run(runner, spec)
    before = bench.up(runner, spec)
    cluster.stop("slurmctld")
    try:
        time.sleep(slurm_runner.LOOK_EVERY)
        with pytest.raises(EngineUnavailable, match="squeue"):
            runner.containers()
        with pytest.raises(EngineUnavailable):
            runner.create(bench.spec(WAITS))
    finally:
        cluster.start_controller()
    assert bench.end(runner, spec.id).exit_code == 0
    assert log(spec).count("done") == 1
    assert bench.again(runner).containers()[spec.id].started == before.started


def test_a_submission_whose_answer_was_lost_is_found_by_its_name(bench: Bench, cluster: SlurmOnLoopback) -> None:
    runner, spec = bench.runner(), bench.spec(ENDS.format(code=0))
    runner.create(spec)
    first = number(bench, spec.id)
    (bench.root / "runs" / spec.id / "job.json").unlink()
    assert spec.id not in runner.containers()
    bench.run(runner, spec)
    assert number(bench, spec.id) == first
    bench.end(runner, spec.id)
    assert len([each for each in cluster.jobs() if spec.id in each]) == 1


def test_L2_a_job_that_was_submitted_twice_waits_for_no_twin(
    bench: Bench, cluster: SlurmOnLoopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Slurm may take a submission to which it gave no answer after we asked again."""
    monkeypatch.setattr(slurm_runner, "STRAY_AFTER", 0.0)
    runner, spec = bench.runner(), bench.spec(ENDS.format(code=0))
    options = submission.arguments(spec, runner.owner, runner.where, runner.has.longest)
    twin = runner.commands.submit(options, "#!/bin/sh\nexit 1\n")
    bench.run(runner, spec)
    assert number(bench, spec.id) != twin
    assert bench.end(runner, spec.id).exit_code == 0
    assert [each for each in cluster.jobs() if each.startswith(f"{twin} ")] == [f"{twin} {spec.id} CANCELLED"]


def test_what_waits_says_why_in_slurms_words(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slurm_runner, "TOLD_AFTER", 0.0)
    runner = bench.runner()
    specs = [replace(bench.spec(WAITS), gpus=("slurm-toy-0", "slurm-toy-1")) for _ in range(2)]
    for spec in specs:
        bench.run(runner, spec)

    def waits() -> str:
        queued = [each for each in runner.containers().values() if each.condition is Condition.QUEUED and each.waits]
        return queued[0].detail if queued else ""

    text = bench.until(waits)
    assert "queued in Slurm's partition main as job" in text
    assert ": Resources" in text or ": Priority" in text
    for spec in specs:
        runner.stop(spec.id)
        assert bench.end(runner, spec.id).ending is Ending.STOPPED


def test_a_stage_has_the_devices_that_slurm_gives_it(bench: Bench) -> None:
    runner = bench.runner()
    assert [gpu.uuid for gpu in runner.has.gpus()] == ["slurm-toy-0", "slurm-toy-1"]
    script = "import os; print('given', os.environ['SLURM_JOB_ID'], os.environ['CUDA_VISIBLE_DEVICES'])"
    spec = replace(bench.spec(script), gpus=("slurm-toy-1",))
    bench.run(runner, spec)
    assert bench.end(runner, spec.id).exit_code == 0, log(spec)
    assert f"given {number(bench, spec.id)} " in log(spec)


def test_a_look_is_one_question_however_many_jobs_there_are(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slurm_runner, "LOOK_EVERY", 0.0)
    counted = Counted()
    runner = bench.runner(commands=counted)
    specs = [bench.spec(WAITS) for _ in range(5)]
    for spec in specs:
        bench.made.append((runner, spec.id))
        runner.create(spec)
    counted.calls.clear()
    assert len(runner.containers()) == 5
    assert counted.calls == ["squeue"]
    for spec in specs:
        runner.remove(spec.id)
    counted.calls.clear()
    assert runner.containers() == {}
    assert counted.calls == []


def test_a_job_without_a_folder_is_ended(
    bench: Bench, cluster: SlurmOnLoopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slurm_runner, "STRAY_AFTER", 0.0)
    runner, spec = bench.runner(), bench.spec(WAITS)
    runner.create(spec)
    for file in ("order.json", "asked", "job.json"):
        (bench.root / "runs" / spec.id / file).unlink()
    again = bench.again(runner)
    assert bench.until(lambda: again.containers().get(spec.id)).running
    again.stop(spec.id)
    bench.until(lambda: not cluster.jobs("PENDING,RUNNING"))


def test_the_copied_program_needs_nothing_of_winslow(bench: Bench) -> None:
    program = bench.runner().program
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(program), str(bench.root / "nowhere")], capture_output=True, text=True, cwd="/"
    )
    assert "FileNotFoundError" in done.stderr
    assert "ModuleNotFoundError" not in done.stderr.replace("No module named 'runner'", "")
