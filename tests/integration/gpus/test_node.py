"""M5 on a whole node: real git, real processes, the driver's double."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flow.model.snapshot import ProjectView
from flow.status.states import project_state
from schema.execution import Execution, State
from schema.reasons import End, Wait
from tests.integration.cli.command import Command
from tests.integration.docker import engine
from tests.integration.gpus.double import BIG, ROOT, SMALL, Driver
from tests.integration.node.lab import Lab, stage

ONE = "{gpus: 1}"
SEEN = "print('sees', os.environ.get('CUDA_VISIBLE_DEVICES'), os.environ.get('NVIDIA_VISIBLE_DEVICES')); "
UNTIL = "[time.sleep(0.02) for _ in iter(lambda: os.path.exists('{}'), True)]; "


@pytest.fixture
def lab(tmp_path: Path, driver: Driver, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Lab]]:
    """Labs whose nodes have the double for a driver."""
    for name, value in driver.environment().items():
        monkeypatch.setenv(name, value)
    labs: list[Lab] = []

    def make(stages: str) -> Lab:
        labs.append(Lab(tmp_path / "lab", stages))
        labs[-1].edit({"projects/w/project.yaml": "pipeline: p\n"})
        return labs[-1]

    yield make
    for each in labs:
        each.close()


Make = Callable[[str], Lab]


def until(file: Path) -> str:
    """A stage with a GPU that goes on until there is the file."""
    return stage("train", SEEN + UNTIL.format(file), resources=ONE)


def waits(lab: Lab, project: str, reason: Wait, text: str) -> ProjectView:
    def there(view: ProjectView) -> bool:
        state = project_state(lab.repository.fetch(), view)
        return state.reason == reason and text in state.text

    return lab.until(there, project)


def first(lab: Lab, project: str, state: State) -> Execution:
    view = lab.until(lambda view: any(e.state is state for e in view.executions), project)
    return view.executions[0]


def health(lab: Lab) -> list[str]:
    """Of the node's GPUs, as it says in its inventory, which it writes in its own time."""
    return [gpu.health for gpu in lab.repository.fetch().inventories["n1"].gpus]


def seen(lab: Lab, project: str = "v", number: int = 1) -> str:
    log = lab.repository.read_text(f"projects/{project}/logs/{number:04d}-train.txt") or ""
    return log.partition("sees ")[2].partition("\n")[0]


def test_M5_each_stage_gets_a_gpu_of_its_own_and_sees_no_other(lab: Make, tmp_path: Path) -> None:
    here = lab(until(tmp_path / "go"))
    here.node()
    here.ask("request: start\n", "v")
    assert first(here, "v", State.RUNNING).gpus == (SMALL,)
    here.ask("request: start\n", "w")
    assert first(here, "w", State.RUNNING).gpus == (BIG,)
    (tmp_path / "go").touch()
    for project, uuid in (("v", SMALL), ("w", BIG)):
        first(here, project, State.SUCCEEDED)
        assert seen(here, project) == f"{uuid} {uuid}"


def test_M5_a_stage_that_asks_for_none_sees_none(lab: Make) -> None:
    here = lab(stage("train", SEEN))
    here.node()
    here.ask("request: start\n")
    assert first(here, "v", State.SUCCEEDED).gpus == ()
    assert seen(here) == " void"


def test_M5_a_taken_gpu_is_waited_for_also_over_a_kill(lab: Make, driver: Driver, tmp_path: Path) -> None:
    driver.say(count=1)
    here = lab(until(tmp_path / "go"))
    node = here.node()
    here.ask("request: start\n", "v")
    first(here, "v", State.RUNNING)
    driver.say(0, pids=1)  # the stage itself
    node.kill()
    here.node()
    here.ask("request: start\n", "w")
    waits(here, "w", Wait.RESOURCES, f"{SMALL[:12]}… is taken by v/1")
    assert here.view("w").executions == ()
    driver.say(0, pids=0)
    (tmp_path / "go").touch()
    assert first(here, "w", State.SUCCEEDED).gpus == (SMALL,)
    assert first(here, "v", State.SUCCEEDED).claim.epoch == 1


def test_M5_a_gpu_with_programs_of_others_is_not_given_away(lab: Make, driver: Driver) -> None:
    here = lab(stage("train", SEEN, resources=ONE))
    here.node()
    here.until(lambda view: "n1" in here.repository.fetch().inventories)
    driver.say(0, pids=2)  # after the node has looked: it looks again before it claims
    here.ask("request: start\n")
    assert first(here, "v", State.SUCCEEDED).gpus == (BIG,)


def test_M5_a_stage_that_fits_no_gpu_is_never_run_and_says_why(lab: Make) -> None:
    here = lab(stage("train", SEEN, resources='{gpus: 1, gpu: {memory: ">=64GiB"}}'))
    here.node()
    here.ask("request: start\n")
    waits(here, "v", Wait.NO_MATCHING_NODE, "n1: has no GPU with memory >=64GiB")
    assert here.ran() == []


def test_M5_a_gpu_lost_under_a_stage_is_the_fault_of_the_machine(lab: Make, driver: Driver, tmp_path: Path) -> None:
    fails = f"raise SystemExit(7 if os.environ['CUDA_VISIBLE_DEVICES'] == '{SMALL}' else 0)"
    here = lab(stage("train", SEEN + UNTIL.format(tmp_path / "go") + fails, resources=ONE))
    here.node()
    here.ask("request: start\n")
    first(here, "v", State.RUNNING)
    driver.say(0, lost=15)
    assert here.view().executions[0].state is State.RUNNING  # nothing but its own end ends it
    (tmp_path / "go").touch()
    view = here.until(lambda view: len(view.executions) == 2 and view.executions[1].state is State.SUCCEEDED)
    lost, again = view.executions
    assert (lost.state, lost.reason) == (State.FAILED, End.GPU_LOST)
    assert lost.text.startswith(f"{SMALL} was lost; exit code 7; its log ends: sees {SMALL}")
    assert lost.result is not None
    assert lost.result.exit_code == 7
    assert (again.gpus, again.attempt) == ((BIG,), 2)
    here.until(lambda view: health(here) == ["lost", "ok"])


def test_M7_an_aborted_stage_gives_its_gpu_back_once_it_is_gone(lab: Make, driver: Driver, tmp_path: Path) -> None:
    driver.say(count=1)
    alone = f"open('{tmp_path}/here', 'x').close(); "
    ignores = "import signal; signal.signal(15, signal.SIG_IGN); "
    stays = "[time.sleep(0.02) for _ in range(3000)]"
    here = lab(stage("train", SEEN + ignores + alone + stays, resources=ONE, grace="1s"))
    short = f"name: q\nenv: {{RUNS: {here.runs}}}\nstages:\n" + stage("train", SEEN, resources=ONE)
    here.edit({"pipelines/q.yaml": short})
    here.edit({"projects/w/project.yaml": "pipeline: q\n"})
    here.node()
    here.ask("request: start\n", "v")
    first(here, "v", State.RUNNING)
    here.until(lambda view: (tmp_path / "here").exists())
    here.ask("request: start\n", "w")
    waits(here, "w", Wait.RESOURCES, "is taken by v/1")
    here.ask("request: abort\n", "v")
    aborted = first(here, "v", State.ABORTED)
    after = first(here, "w", State.SUCCEEDED)
    assert (aborted.gpus, after.gpus) == ((SMALL,), (SMALL,))
    assert aborted.times.finished
    assert after.times.claimed
    assert aborted.times.finished <= after.times.claimed


def test_M5_a_failure_with_sound_gpus_is_the_programs_own(lab: Make) -> None:
    here = lab(stage("train", "raise SystemExit(7)", resources=ONE))
    here.node()
    here.ask("request: start\n")
    assert first(here, "v", State.FAILED).reason is End.EXIT_CODE


def test_M5_while_the_driver_hangs_only_stages_without_gpus_are_taken(lab: Make, driver: Driver) -> None:
    here = lab(stage("train", SEEN, resources=ONE))
    here.edit({"pipelines/q.yaml": "name: q\nstages:\n  - {name: plain, image: host/python, command: [python, -V]}\n"})
    here.edit({"projects/w/project.yaml": "pipeline: q\n"})
    here.node()
    here.until(lambda view: "n1" in here.repository.fetch().inventories)
    driver.say(hang=1)
    here.ask("request: start\n", "v")
    here.ask("request: start\n", "w")
    first(here, "w", State.SUCCEEDED)
    waits(here, "v", Wait.RESOURCES, "its driver does not answer")
    driver.say(hang=0)


def test_M5_people_see_gpus_and_who_holds_them(lab: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = lab(until(tmp_path / "go"))
    here.node()
    here.ask("request: start\n")
    first(here, "v", State.RUNNING)
    monkeypatch.setenv("WINSLOW_REPO", str(here.remote))
    monkeypatch.setenv("WINSLOW_DATA", str(tmp_path / "view"))
    command = Command()
    [row] = command.json("nodes")
    assert [(gpu["uuid"], gpu["health"], gpu["held_by"]) for gpu in row["gpus"]] == [
        (SMALL, "ok", "v/1"),
        (BIG, "ok", None),
    ]
    table = command("nodes")
    assert "RTX 2080" in table
    assert "v/1" in table
    assert command.json("describe", "v")["executions"][0]["gpus"] == [SMALL]
    assert SMALL[:12] in command("describe", "v")
    assert json.loads(command("ps", "-o", "json"))[0]["gpus"] == [SMALL]
    (tmp_path / "go").touch()


def test_M5_doctor_says_in_one_line_what_it_found(
    lab: Make, driver: Driver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = lab(stage("train"))
    engine.need()
    (tmp_path / "bin").mkdir()
    hook = tmp_path / "bin" / "nvidia-container-runtime-hook"

    def line() -> tuple[str, str]:
        argv = [sys.executable, "-m", "cli.main", "doctor", "--repo", str(here.remote), "-o", "json"]
        done = subprocess.run(argv, capture_output=True, text=True, cwd=ROOT, timeout=60, check=False)
        [found] = [row for row in json.loads(done.stdout) if row["check"] == "gpus"]
        return found["result"], found["text"]

    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    assert line()[0] == "warn"
    assert "install nvidia-container-toolkit" in line()[1]
    hook.write_text("#!/bin/sh\n")
    hook.chmod(0o755)
    assert line()[0] == "ok"
    driver.say(init=18)
    assert line()[0] == "warn"
    monkeypatch.delenv("LD_LIBRARY_PATH")
    assert line() == ("ok", "none: no NVIDIA driver on this machine")


@pytest.mark.docker
def test_M5_a_node_that_starts_while_the_driver_fails_does_not_forget_its_gpus(
    lab: Make, driver: Driver, tmp_path: Path
) -> None:
    engine.need()
    here = lab(stage("train", SEEN, resources=ONE))
    here.runner = "docker"
    node = here.node()
    here.until(lambda view: "n1" in here.repository.fetch().inventories)
    assert node.stop() == 0
    driver.say(init=18)
    here.node()
    here.ask("request: start\n")
    waits(here, "v", Wait.RESOURCES, "its driver does not answer")
    log = (tmp_path / "lab" / "n1.log").read_text()
    assert log.count("GPUs unknown: NVML says: RM has detected an NVML/RM version mismatch.") == 1
