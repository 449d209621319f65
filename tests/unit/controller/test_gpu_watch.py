"""What is known of shared GPUs while the engine does not answer: what the driver says, and no end for what it does
not say.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from controller.node.gpu_watch import ShareWatch
from flow.node.gpu_use import Programs, Sharing
from runner.contract.errors import EngineUnavailable
from runner.contract.fake import FakeRunner
from runner.contract.labels import Owner
from runner.process.process_runner import ProcessRunner
from schema.execution import State
from schema.node import Health, NodeGpu
from schema.reasons import End
from tests.unit.controller.worlds import OneNode, server

GIB = 2**30
GPU = NodeGpu(uuid="GPU-1", model="RTX A6000", memory=48 * GIB, watched=True)
SHARED = """name: p
stages:
  - {name: a, image: i, resources: {gpus: 1, gpu: {share: 3GiB}}, env: {FAKE_SECONDS: 6000}}
"""
STAGE, STRANGER = 4000, 5000


class Driver:
    """One GPU and the programs on it: by number of the process, bytes."""

    text, certain = "", True

    def __init__(self) -> None:
        self.programs = {STAGE: 2 * GIB}
        self.health = Health.OK

    @property
    def memory(self) -> dict[str, int]:
        return {GPU.uuid: GPU.memory}

    def look(self, *, fresh: bool = False) -> tuple[NodeGpu, ...]:
        return (GPU.model_copy(update={"health": self.health}),)

    def of(self, uuids: Sequence[str]) -> Programs:
        return {uuid: dict(self.programs) for uuid in uuids}


class Readings:
    def __init__(self, answer: Callable[[Sequence[str]], Programs]) -> None:
        self.answer = answer

    def look(self, uuids: Sequence[str]) -> Programs:
        return self.answer(uuids)


class Sharer:
    """A node whose one stage shares the GPU, with the watch that a real node has."""

    def __init__(self) -> None:
        self.node, self.driver, self.known = OneNode(server(SHARED)), Driver(), True
        self.watch = ShareWatch(Readings(self.driver.of), self.holds, lambda: None)
        self.rewire()
        self.node.ask(request="start")
        self.node.until(lambda: bool(self.node.view.executions) and self.node.record.state is State.RUNNING)

    def holds(self, container: str, process: int) -> bool:
        return self.known and process == STAGE

    def rewire(self) -> None:
        controller = self.node.controller
        controller.devices.gpus, controller.devices.use = self.driver, self.watch.use
        self.node.change(gpus=self.driver, gpu_use=self.watch.use)
        self.watch.sharing = lambda: controller.sharing

    def rounds(self, count: int) -> None:
        for _ in range(count):
            self.watch.sample()
            self.node.rounds(1)

    @property
    def stop(self) -> End | None:
        return self.node.journal.entries[self.node.record.claim.container].stop


def away(patch: pytest.MonkeyPatch) -> None:
    def silent(self: FakeRunner) -> dict[str, object]:
        raise EngineUnavailable("no answer")

    patch.setattr(FakeRunner, "containers", silent)


@pytest.mark.parametrize("restarted", [False, True])
@pytest.mark.parametrize("known", [False, True])
def test_B4_L6_a_stage_within_its_share_outlives_an_engine_that_is_away(
    monkeypatch: pytest.MonkeyPatch, restarted: bool, known: bool
) -> None:
    it = Sharer()
    with monkeypatch.context() as patch:
        away(patch)
        it.known = known  # whose a process is may be known by the engine alone
        if restarted:
            it.node.restart()
            it.rewire()
        it.rounds(30)
        assert (it.node.record.state, it.stop) == (State.RUNNING, None)
    it.known = True
    it.rounds(3)
    assert (it.node.record.state, len(it.node.view.executions), it.stop) == (State.RUNNING, 1, None)


def test_B4_L6_what_cannot_be_attributed_to_a_stage_is_no_excess_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    it = Sharer()
    with monkeypatch.context() as patch:
        away(patch)
        it.driver.programs = {STAGE: 2 * GIB, STRANGER: 40 * GIB}
        it.rounds(10)
        assert it.stop is None


def test_B4_L6_what_the_driver_does_say_ends_a_stage_though_the_engine_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    it = Sharer()
    with monkeypatch.context() as patch:
        away(patch)
        it.driver.programs = {STAGE: 4 * GIB}
        it.rounds(2)
        assert it.stop is End.GPU_MEMORY_EXCEEDED


def test_L6_a_run_whose_shim_never_began_holds_no_process(tmp_path: Path) -> None:
    """So says the file that keeps a late shim from beginning; looking at GPUs is no reason to fail."""
    runner = ProcessRunner(Owner("test", "n1", "1" * 32), tmp_path)
    (tmp_path / "c").mkdir()
    for content in ("{}", '{"pid": 1}', '{"pid": 1, "start": 1, "stage": "none"}', "["):
        (tmp_path / "c" / "shim.json").write_text(content)
        assert not runner.holds("c", STAGE)


def test_L6_nothing_is_asked_of_the_engine_by_a_round_that_only_looks() -> None:
    def asked(uuids: Sequence[str]) -> Programs:
        raise AssertionError("a round looks at what was seen last")

    watch = ShareWatch(Readings(asked), lambda id, process: False, lambda: None, lambda: {"c": Sharing(("G",), 1)})
    assert watch.use().memory == {}
