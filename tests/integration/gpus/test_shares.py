"""L6 with a double of the driver: GPUs that are shared by memory, and cut into instances (MIG)."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flow.status.states import project_state
from runner.gpus import sees_processes
from schema.execution import Execution, State
from schema.reasons import End, Wait
from tests.integration.cli.command import Command
from tests.integration.gpus.double import BIG, ROOT, SMALL, Driver, Probe
from tests.integration.node.lab import Lab, stage

PARTS = ("MIG-00000000-0000-4000-8000-00000000000a", "MIG-00000000-0000-4000-8000-00000000000b")
SHARE = "{gpus: 1, gpu: {share: 3GiB}}"
STAYS = (
    "import time; open('{}' + os.environ['WINSLOW_PROJECT'], 'w').write(str(os.getpid())); "
    "[time.sleep(0.02) for _ in iter(lambda: os.path.exists('{}'), True)]"
)


def cut(driver: Driver) -> None:
    """The big one into two instances."""
    driver.say(1, mig=2)
    for at, uuid in enumerate(PARTS):
        driver.say(16 + 8 + at, uuid=uuid, name="NVIDIA_A100_MIG_3g.20gb", total=20096)


def test_L6_instances_are_devices_and_what_they_are_cut_from_is_none(driver: Driver, probe: Probe) -> None:
    cut(driver)
    found = {gpu["uuid"]: gpu for gpu in probe.look()["look"]}
    assert list(found) == [SMALL, *PARTS]
    assert [found[uuid].get("part_of", "") for uuid in found] == ["", BIG, BIG]
    part = found[PARTS[0]]
    assert (part["memory"], part["compute_capability"], part["health"]) == (20096 * 2**20, "8.6", "ok")
    driver.say(24, pids=1)
    assert probe.health() == {SMALL: "ok", PARTS[0]: "busy", PARTS[1]: "ok"}


def test_L6_instances_of_a_gpu_that_is_lost_are_lost_and_come_back(driver: Driver, probe: Probe) -> None:
    cut(driver)
    probe.look()
    driver.say(1, lost=15)
    assert probe.health() == {SMALL: "ok", PARTS[0]: "lost", PARTS[1]: "lost"}
    driver.say(1, lost=0)
    assert probe.health() == {SMALL: "ok", PARTS[0]: "ok", PARTS[1]: "ok"}
    driver.say(1, mig=1)  # somebody cut it anew
    assert probe.health() == {SMALL: "ok", PARTS[0]: "ok", PARTS[1]: "lost"}


def test_L6_a_gpu_that_does_not_tell_what_programs_use_is_not_watched(driver: Driver, probe: Probe) -> None:
    def watched() -> dict[str, bool]:
        return {gpu["uuid"]: gpu.get("watched", False) for gpu in probe.look()["look"]}

    assert watched() == {SMALL: True, BIG: True}
    driver.say(0, programs="4000:100,4001:-1")
    assert watched() == {SMALL: False, BIG: True}


LOOK = """
import json, os
from runner import gpus
from runner.metrics import gpu_programs
gpus.LIMIT = 0.5
print(json.dumps(gpu_programs.GpuPrograms(gpus.find(), limit=0.5).look({})), flush=True)
os._exit(0)
"""


def programs(driver: Driver, *uuids: str) -> object:
    answer = subprocess.run(
        [sys.executable, "-c", LOOK.format(list(uuids))],
        env={**os.environ, **driver.environment()}, cwd=ROOT, text=True, capture_output=True, timeout=60, check=True,
    )  # fmt: skip
    return json.loads(answer.stdout)


def test_L6_what_each_program_uses_is_read(driver: Driver) -> None:
    cut(driver)
    driver.say(0, programs="4000:100,4001:-1")
    driver.say(24, programs="4002:7")
    said = {SMALL: {"4000": 100 * 2**20, "4001": None}, PARTS[0]: {"4002": 7 * 2**20}}
    assert programs(driver, SMALL, PARTS[0]) == said
    driver.say(0, lost=15)
    assert programs(driver, SMALL, PARTS[0]) == {PARTS[0]: said[PARTS[0]]}
    driver.say(hang=1)
    assert programs(driver, SMALL) == {}


# -- a whole node ------------------------------------------------------------------------------------------------------

Make = Callable[..., Lab]


@pytest.fixture
def lab(tmp_path: Path, driver: Driver, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    for name, value in driver.environment().items():
        monkeypatch.setenv(name, value)
    labs: list[Lab] = []

    def make(resources: str = SHARE) -> Lab:
        stays = STAYS.format(tmp_path / "pid-", tmp_path / "go")
        labs.append(Lab(tmp_path / "lab", stage("train", stays, resources=resources, grace="1s")))
        projects = {f"projects/{name}/project.yaml": "pipeline: p\n" for name in "wx"}
        labs[-1].edit({**projects, "nodes/n1.yaml": "slots: 4\n"})
        return labs[-1]

    yield make
    for each in labs:
        each.close()


def newest(lab: Lab, project: str, state: State) -> Execution:
    return lab.until(lambda view: any(e.state is state for e in view.executions), project).executions[-1]


def pid(lab: Lab, folder: Path, project: str) -> int:
    """Of the program that runs for the project."""
    file = folder / f"pid-{project}"
    lab.until(lambda view: file.exists() and bool(file.read_text()), project)
    return int(file.read_text())


def waits(lab: Lab, project: str, reason: Wait, text: str) -> None:
    def there(view: object) -> bool:
        state = project_state(lab.repository.fetch(), view)  # type: ignore[arg-type]
        return state.reason == reason and text in state.text

    lab.until(there, project)


needs_the_machine = pytest.mark.skipif(not sees_processes(), reason="this container has processes of its own")


@needs_the_machine
def test_L6_two_stages_share_a_gpu_and_the_one_that_exceeds_ends_with_that_reason(
    lab: Make, driver: Driver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver.say(count=1)
    here = lab()
    here.node()
    for project in "vw":
        here.ask("request: start\n", project)
    for project in "vw":
        assert newest(here, project, State.RUNNING).gpus == (SMALL,)
    here.ask("request: start\n", "x")
    waits(here, "x", Wait.RESOURCES, "2.0 GiB of 8.0 GiB left, 3.0 GiB wanted")
    monkeypatch.setenv("WINSLOW_REPO", str(here.remote))
    monkeypatch.setenv("WINSLOW_DATA", str(tmp_path / "view"))
    [row] = Command().json("nodes")
    assert row["gpus"][0]["held_by"] == "v/1 (3.0 GiB), w/1 (3.0 GiB)"
    v, w = (pid(here, tmp_path, project) for project in "vw")
    driver.say(0, programs=f"{v}:3072,{w}:3073")
    ended = newest(here, "w", State.FAILED)
    assert ended.reason is End.GPU_MEMORY_EXCEEDED
    assert ended.text == f"it used 3.0 GiB of {SMALL[:12]}…, and its share is 3.0 GiB"
    driver.say(0, programs=f"{v}:3072")
    assert newest(here, "x", State.RUNNING).gpus == (SMALL,)
    (tmp_path / "go").touch()
    assert newest(here, "v", State.SUCCEEDED).asked
    newest(here, "x", State.SUCCEEDED)


@needs_the_machine
def test_L6_nobody_joins_on_a_shared_gpu_while_a_program_of_somebody_else_is_there(
    lab: Make, driver: Driver, tmp_path: Path
) -> None:
    driver.say(count=1)
    here = lab()
    here.node()
    here.ask("request: start\n", "v")
    newest(here, "v", State.RUNNING)
    driver.say(0, programs=f"{pid(here, tmp_path, 'v')}:100,{os.getpid()}:100")
    plain = "name: q\nstages:\n  - {name: plain, image: host/python, command: [python, -V]}\n"
    here.edit({"pipelines/q.yaml": plain, "projects/x/project.yaml": "pipeline: q\n"})
    for project in "wx":
        here.ask("request: start\n", project)
    newest(here, "x", State.SUCCEEDED)  # the node has looked at what waits since
    assert here.view("w").executions == ()
    driver.say(0, programs=f"{pid(here, tmp_path, 'v')}:100")
    newest(here, "w", State.RUNNING)
    (tmp_path / "go").touch()


def test_L6_a_node_that_cannot_watch_says_so(lab: Make, driver: Driver) -> None:
    driver.say(0, programs="4000:-1")
    driver.say(1, programs="4000:-1")
    here = lab()
    here.node()
    here.ask("request: start\n", "v")
    waits(here, "v", Wait.NO_MATCHING_NODE, "shares no GPU: how much each stage uses of")


def test_L6_a_stage_gets_an_instance_by_its_own_id(lab: Make, driver: Driver, tmp_path: Path) -> None:
    driver.say(0, uuid=BIG, mig=2, capability=80)
    for at, uuid in enumerate(PARTS):
        driver.say(16 + at, uuid=uuid, name="NVIDIA_A100_MIG_3g.20gb", total=20096)
    driver.say(count=1)
    here = lab('{gpus: 1, gpu: {model: "*mig*"}}')
    here.node()
    for project, uuid in zip("vw", PARTS, strict=True):
        here.ask("request: start\n", project)
        assert newest(here, project, State.RUNNING).gpus == (uuid,)
    (tmp_path / "go").touch()
