"""M5 with real containers: an engine of its own that takes a stub for NVIDIA's hook, and the driver's double."""

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.docker.host_image import build_base
from schema.execution import State
from schema.reasons import End
from tests.contract.runners import Bench, docker, log
from tests.integration.docker.engine import IMAGE, private
from tests.integration.gpus.double import BIG, SMALL, Driver
from tests.integration.node.lab import Lab

pytestmark = [pytest.mark.docker, pytest.mark.slow]

HOOK = """#!{python}
# What NVIDIA's own hook does, as far as a test can see it: the container gets the devices it was promised, or no start.
import json, sys
state = json.load(sys.stdin)
config = json.load(open(state["bundle"] + "/config.json"))
wanted = [v.split("=", 1)[1] for v in config["process"]["env"] if v.startswith("NVIDIA_VISIBLE_DEVICES=")][-1]
there = open({devices!r}).read().split()
if not set(wanted.split(",")) <= set(there):
    sys.exit("nvidia-container-cli: device error: " + wanted + ": unknown device")
open(config["root"]["path"] + "/gpus", "w").write(wanted)
"""
LOOK = (
    "import os, json; given = os.path.exists('/gpus') and open('/gpus').read(); "
    "print('sees', json.dumps([os.environ['NVIDIA_VISIBLE_DEVICES'], given]), flush=True); "
)


@pytest.fixture
def devices(tmp_path: Path) -> Path:
    """The GPUs that the stub can give."""
    file = tmp_path / "devices"
    file.write_text(f"{SMALL} {BIG}")
    return file


@pytest.fixture
def bench(tmp_path: Path, devices: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    bench = docker(tmp_path)
    folder = tmp_path / "bin"
    folder.mkdir()
    hook = folder / "nvidia-container-runtime-hook"
    hook.write_text(HOOK.format(python=sys.executable, devices=str(devices)))
    hook.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    with private() as daemon:
        try:
            monkeypatch.setenv("DOCKER_HOST", daemon.host)
            build_base(IMAGE)
            yield bench
        finally:
            bench.close()


def sees(text: str) -> object:
    return json.loads(text.partition("sees ")[2].partition("\n")[0])


@pytest.mark.parametrize("gpus", [(SMALL,), (BIG, SMALL), ()], ids=["one", "two", "none"])
def test_M5_a_container_sees_exactly_its_gpus(bench: Bench, gpus: tuple[str, ...]) -> None:
    runner, spec = bench.runner(), bench.spec(LOOK, gpus=gpus, environment={"NVIDIA_VISIBLE_DEVICES": "all"})
    bench.run(runner, spec)
    assert bench.end(runner, spec.id).exit_code == 0, log(spec)
    given = ",".join(gpus)
    assert sees(log(spec)) == [given or "void", given or False]


@pytest.fixture
def lab(tmp_path: Path, bench: Bench, driver: Driver, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    for name, value in driver.environment().items():
        monkeypatch.setenv(name, value)
    code = (LOOK + "import time; time.sleep(0.5); raise SystemExit(0)").replace('"', '\\"')
    stages = (
        "  - name: train\n    image: host/python\n    resources: {gpus: 1}\n"
        f'    command: [python, -c, "{code}"]\n    retry: {{max: 0}}\n'
    )
    lab = Lab(tmp_path / "lab", stages, runner="docker")
    lab.edit({f"projects/{name}/project.yaml": "pipeline: p\n" for name in "wx"})
    yield lab
    lab.close()


def test_M5_stages_of_a_node_share_no_gpu_and_a_lost_one_is_passed_over(
    lab: Lab, devices: Path, driver: Driver
) -> None:
    lab.node()
    for project in "vw":
        lab.ask("request: start\n", project)
    for project in "vw":
        view = lab.until(lambda view: bool(view.executions) and view.executions[-1].state is State.SUCCEEDED, project)
        [uuid] = view.executions[-1].gpus
        assert sees(lab.repository.read_text(f"projects/{project}/logs/0001-train.txt") or "") == [uuid, uuid]
    devices.write_text(BIG)  # the small one is gone: NVIDIA's hook notices, and so does the driver
    driver.say(0, handle=15)
    lab.ask("request: start\n", "x")
    view = lab.until(lambda view: bool(view.executions) and view.executions[-1].state is State.SUCCEEDED, "x")
    assert view.executions[-1].gpus == (BIG,)


def test_M5_a_container_that_cannot_start_as_its_gpu_is_lost_is_the_fault_of_the_machine(
    lab: Lab, devices: Path, driver: Driver, tmp_path: Path
) -> None:
    """The GPU falls off between the claim and the start: the claim landed, the controller dies, then the GPU."""
    assert lab.node(failpoint="before-create:1")
    lab.ask("request: start\n", "v")
    assert lab.nodes[0].wait(45) < 0
    devices.write_text(BIG)
    driver.say(0, lost=15)
    lab.node()
    view = lab.until(lambda view: bool(view.executions) and view.executions[-1].state is State.SUCCEEDED)
    assert [(e.state, e.reason, e.gpus) for e in view.executions] == [
        (State.FAILED, End.GPU_LOST, (SMALL,)),
        (State.SUCCEEDED, None, (BIG,)),
    ]
    assert "unknown device" in view.executions[0].text
