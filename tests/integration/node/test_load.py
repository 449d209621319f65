"""The load of a node that runs: written down, and said with its sign of life."""

import time
from collections.abc import Callable

from runner.metrics import load
from schema.execution import State
from state.git.git_repository import GitRepository
from tests.integration.node.lab import HANG, Lab, stage

Labs = Callable[..., Lab]


def said(repository: GitRepository) -> dict[str, float]:
    repository.fetch()
    beat = repository.heartbeat("n1")
    return beat.load if beat else {}


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + HANG
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_R1510_R1520_R1530_a_node_says_its_load_and_keeps_it_over_a_kill(lab: Labs) -> None:
    here = lab(stage("one"))
    node = here.node()
    until(lambda: {"cpu", "memory", "disk_free", "received", "sent", "load"} <= set(said(here.repository)))
    record = load.machine(here.folder / "n1")
    kept = record.series("memory", time.time() - load.HOUR)
    assert kept
    assert 0 < kept[-1][1] <= 100
    node.kill()
    here.node()
    until(lambda: len(record.series("memory", time.time() - load.HOUR)) > len(kept))
    before = kept[:-1]  # the next start may look again within the same five seconds
    assert before
    assert record.series("memory", time.time() - load.HOUR)[: len(before)] == before


def test_R1510_R1520_a_running_stage_has_its_memory_written_down(lab: Labs) -> None:
    here = lab(
        stage("one", "[time.sleep(0.05) for _ in iter(lambda: os.path.exists(os.environ['RUNS'] + '.go'), True)]")
    )
    here.node()
    here.ask("request: start\n")
    view = here.until_state(State.RUNNING)
    record = load.stage(here.folder / "n1" / "runs" / view.executions[0].claim.container)
    until(lambda: record.newest().get("memory", 0) > 1e6)
    (here.folder / "runs.txt.go").touch()
    here.until_state(State.SUCCEEDED)
