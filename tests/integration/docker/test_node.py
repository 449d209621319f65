"""A whole node whose stages are containers: real git, real engine, kill -9."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from runner.logs import log_events
from schema.execution import State
from schema.reasons import End
from tests.contract.runners import Bench
from tests.integration.node.floods import flood, within_bounds
from tests.integration.node.lab import Lab
from tests.integration.node.test_clock_set import clock_of, times, wrong_wall
from tests.integration.node.test_exclusive import until

pytestmark = pytest.mark.docker
HEAD = "name: p\nstages:\n"


def containers(stage: str) -> str:
    return f"  - {{name: {stage}, image: host/python, command: [python, -c, "


@pytest.fixture
def lab(tmp_path: Path, bench: Bench) -> Iterator[Lab]:
    """`bench` makes sure that an engine answers, and removes what is left."""
    lab = Lab(tmp_path / "lab", containers("one") + '"print(1)"]}\n', runner="docker")
    yield lab
    lab.close()  # first the nodes, which remove containers too
    for path in lab.folder.glob("*/runs/*"):
        _remove(path.name)


def _remove(container: str) -> None:
    import docker

    client = docker.from_env()
    for found in client.api.containers(all=True, filters={"name": f"winslow-{container}"}):
        with suppress(docker.errors.APIError):  # its node was quicker
            client.api.remove_container(found["Id"], v=True, force=True)
    for network in client.api.networks(filters={"label": f"winslow.service.of={container}"}):
        with suppress(docker.errors.APIError):
            client.api.remove_network(network["Id"])


def _exec(container: str, *command: str) -> None:
    import docker

    api = docker.from_env().api
    run = api.exec_create(f"winslow-{container}", [*command])["Id"]
    said = api.exec_start(run)
    assert api.exec_inspect(run)["ExitCode"] == 0, said


def define(lab: Lab, text: str) -> None:
    lab.edit({"pipelines/p.yaml": HEAD + text})


def test_R1450_what_the_node_did_stands_beside_the_log_of_a_container(lab: Lab) -> None:
    define(lab, containers("long") + '"import time; print(1, flush=True); time.sleep(60)"]}\n')
    lab.node()
    lab.ask("request: start\n")
    lab.until_state(State.RUNNING)
    lab.ask("request: abort\n")
    [record] = lab.until_state(State.ABORTED).executions
    noted = log_events.noted(lab.folder / "n1" / "runs" / record.claim.container)
    ready, image, started, asked, ended = [line.text for line in noted]
    assert (ready, started, asked) == ("workspace and inputs are ready", "started", "asked to stop: Aborted")
    assert image.startswith("image host/python is here (sha256:")
    assert ended.startswith("the program has ended with exit code 1")


@pytest.mark.parametrize("step", [3600, -3600], ids=["forward", "back"])
def test_T2_F7_a_clock_that_is_set_ends_no_container_and_changes_neither_durations_nor_the_order_of_its_log(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    """The engine goes on with the clock of before, so all that the node reads of it is an hour off from then on."""
    wall = wrong_wall(tmp_path, monkeypatch)
    counts = (
        "import os, time; [(print(n, flush=True), time.sleep(0.05)) for n in range(40)]; "
        "[time.sleep(0.05) for _ in iter(lambda: os.path.exists('/tmp/go'), True)]; print('last', flush=True)"
    )
    limits = "timeout: 30min, idle_timeout: 30min}\n"
    define(lab, containers("one") + f'"{counts}"], {limits}' + containers("two") + f'"print(1)"], {limits}')
    lab.node()
    monkeypatch.delenv("LD_PRELOAD")
    began = time.monotonic()
    lab.ask("request: start\n")
    [record] = lab.until_state(State.RUNNING).executions
    wall(step)
    lab.until(lambda _: bool(clock_of(lab)))
    _exec(record.claim.container, "python", "-c", "open('/tmp/go', 'w')")
    ended = lab.until_reason("Done").executions
    lasted = time.monotonic() - began
    assert [(each.stage, each.state, each.claim.epoch) for each in ended] == [
        ("one", State.SUCCEEDED, 1),
        ("two", State.SUCCEEDED, 1),
    ]
    for number in (1, 2):
        found = times(lab, number)
        assert found == sorted(found)
        assert (found[2] - found[1]).total_seconds() <= lasted
    text = lab.repository.read_text("projects/v/logs/0001-one.txt") or ""
    assert [line.split(" ")[2] for line in text.splitlines()] == [*map(str, range(40)), "last"]


def test_F5_a_controller_killed_and_restarted_loses_no_line_of_a_container(lab: Lab) -> None:
    program = "import time; [(print(n, flush=True), time.sleep(0.02)) for n in range(200)]; raise SystemExit(3)"
    define(lab, containers("count") + f'"{program}"]}}\n')
    first = lab.node()
    lab.ask("request: start\n")
    lab.until_state(State.RUNNING)
    first.kill()
    lab.node()
    [record] = lab.until_state(State.FAILED).executions
    assert (record.reason, record.result and record.result.exit_code, record.claim.epoch) == (End.EXIT_CODE, 3, 1)
    log = lab.repository.read_text("projects/v/logs/0001-count.txt") or ""
    assert [line.split(" ")[2] for line in log.splitlines()] == [str(n) for n in range(200)]
    assert record.image is not None
    assert record.image.id is not None


def test_R1440_M7_an_abort_ends_a_container(lab: Lab) -> None:
    define(lab, containers("long") + '"import time; time.sleep(600)"], grace: 2s}\n')
    lab.node()
    lab.ask("request: start\n")
    lab.until_state(State.RUNNING)
    lab.ask("request: abort\n")
    [record] = lab.until_state(State.ABORTED).executions
    assert record.reason is End.ABORTED


def test_stages_hand_on_their_workspace_through_containers(lab: Lab) -> None:
    first = containers("one") + "\"open('a', 'w').write('x'); open('/winslow/result', 'w').write('n=4')\"]}\n"
    second = containers("two") + "\"print(open('a').read() * $[[ stages.one.values.n ]])\"]}\n"
    define(lab, first + second)
    lab.node()
    lab.ask("request: start\n")
    lab.until_reason("Done")
    assert "xxxx" in (lab.repository.read_text("projects/v/logs/0002-two.txt") or "")


def test_what_a_stage_cannot_read_in_a_folder_is_told_before_it_starts_with_what_mends_it(lab: Lab) -> None:
    pool = lab.folder / "n1" / "pool"
    (pool / "day").mkdir(parents=True)
    for name, mode in (("1.png", 0o644), ("2.png", 0o600)):
        (pool / "day" / name).touch(mode)
    stage = containers("one") + "\"import os; print(len(os.listdir('/pool/day')))\"]}\n"
    project = "pipeline: p\ninputs: {frames: day}\n"
    text = f"name: p\ninputs: {{frames: {{type: folder}}}}\nstages:\n{stage}"
    lab.edit({"pipelines/p.yaml": text, "projects/v/project.yaml": project})
    lab.node()
    lab.ask("request: start\n")
    [record] = lab.until_state(State.FAILED).executions
    assert (record.reason, record.result and record.result.exit_code) == (End.INVALID_INPUT, None)
    assert "cannot read '2.png' in 'day'" in record.text
    subprocess.run(record.text.partition("in the pool: ")[2].split(), check=True)
    lab.ask("request: start\n")
    lab.until_state(State.SUCCEEDED, 2)


def test_an_image_that_does_not_exist_is_a_clear_failure(lab: Lab) -> None:
    define(lab, "  - {name: one, image: nobody/nothing, command: [x], pull: never}\n")
    lab.node()
    lab.ask("request: start\n")
    [record] = lab.until_state(State.FAILED).executions
    assert (record.reason, "nobody/nothing" in record.text) == (End.IMAGE_UNAVAILABLE, True)


def test_F20_a_flood_of_a_container_stays_within_its_cap_and_the_controller_small(lab: Lab) -> None:
    """An engine writes some hundred thousand lines a second at best, so these are wide."""
    define(lab, containers("one") + f'"{flood(12_000, 8_192)}"]}}\n')
    node = lab.node()
    lab.ask("request: start\n")
    within_bounds(lab, node)


def test_F3_a_container_of_an_exclusive_stage_is_dead_in_time_without_its_controller(lab: Lab) -> None:
    import docker

    settings = "schema: 1\nlost_after: 4s\nexclusive: {give_up_after: 6s, kill_within: 1s, lost_after: 10s}\n"
    deaf = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"
    )
    lab.edit(
        {
            "winslow.yaml": settings,
            "pipelines/p.yaml": HEAD + containers("long") + f'"{deaf}"], exclusive: true, retry: {{when: []}}}}\n',
        }
    )
    node = lab.node()
    lab.ask("request: start\n")
    [record] = lab.until_state(State.RUNNING).executions
    node.kill()
    client = docker.from_env()
    [found] = client.api.containers(all=True, filters={"name": f"winslow-{record.claim.container}"})
    until(lambda: not client.api.inspect_container(found["Id"])["State"]["Running"])
    lab.node()
    [record] = lab.until_state(State.FAILED).executions
    assert (record.reason, "no sign of life of its node was seen" in record.text) == (End.INFRASTRUCTURE, True)
