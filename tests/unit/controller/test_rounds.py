"""A round sees a launch either under way or done, and a controller that is killed in one can still tell what of."""

from collections.abc import Callable

import pytest

from controller.journal.journal import Journal
from controller.launch.launcher import Launcher
from controller.loop.gpu_state import GpuState
from flow.node.node_world import ExecutionEnd
from runner.contract.fake import FakeRunner
from runner.contract.spec import Image
from schema.execution import Result, State
from schema.node import Health, NodeGpu
from tests.unit.controller.worlds import OneNode, server

LONG = "name: p\nstages:\n  - {name: a, image: i, env: {FAKE_SECONDS: 30}}\n"


class Crash(BaseException):
    """kill -9."""


class LaterJobs:
    """Done when the test says so."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], None]] = []

    def submit(self, work: Callable[[], None]) -> None:
        self.waiting.append(work)

    def do(self) -> None:
        while self.waiting:
            self.waiting.pop(0)()


READS = [
    (Launcher, "busy"), (Launcher, "setbacks"), (Launcher, "launching"), (Journal, "entries"), (Journal, "outbox"),
    (FakeRunner, "containers"),
]  # fmt: skip


@pytest.mark.parametrize("ending", ["launched", "ended", "failed"])
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(("owner", "name"), READS, ids=lambda each: each if isinstance(each, str) else "")
def test_M3_a_launch_that_ends_while_a_round_looks_is_never_launched_again(
    monkeypatch: pytest.MonkeyPatch, owner: type, name: str, when: str, ending: str
) -> None:
    jobs = LaterJobs()
    it = OneNode(server(LONG), jobs=jobs)
    launches: list[str] = []
    launch = it.workshop._launch

    def counted(entry):  # type: ignore[no-untyped-def]
        launches.append(entry.container)
        if ending == "failed":
            raise RuntimeError("a defect")
        if ending == "launched":
            return launch(entry)
        facts = {"project": "v", "execution": 1, "stage": "a", "state": State.SUCCEEDED, "result": Result()}
        return it.workshop._put(ExecutionEnd(container=entry.container, **facts))

    it.workshop._launch = counted  # type: ignore[method-assign]
    it.ask(request="start")
    it.until(lambda: bool(jobs.waiting))
    original = getattr(owner, name)

    def read(self):  # type: ignore[no-untyped-def]
        if when == "before":
            jobs.do()
        found = original.fget(self) if isinstance(original, property) else original(self)
        if when == "after":
            jobs.do()
        return found

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, property(read) if isinstance(original, property) else read)
        decision_world = it.controller.observe()
    it.controller.step(decision_world)
    jobs.do()
    assert len(launches) == 1


def killed_at(place: str, it: OneNode) -> None:
    """The controller dies there in its next launch, and starts again."""

    def fail(name: str) -> None:
        if name == place:
            raise Crash

    it.failpoint = fail
    with pytest.raises(Crash):
        it.until(lambda: False)
    it.failpoint = lambda name: None
    it.restart()


@pytest.mark.parametrize("place", ["before-create", "after-create", "after-start"])
def test_F12_a_record_says_what_it_was_made_from_wherever_the_launch_was_cut_off(place: str) -> None:
    it = OneNode(server(LONG))
    tags = iter(["sha256:first", "sha256:moved", "sha256:moved"])
    it.runner.resolve = lambda image, pull: Image(image, digest=next(tags))  # type: ignore[method-assign]
    it.ask(request="start")
    killed_at(place, it)
    it.until(lambda: it.record.state is State.RUNNING)
    [container] = it.runner._boxes.values()
    assert it.record.image
    assert container.spec.image == f"i@{it.record.image.digest}"
    assert (it.record.image.digest == "sha256:first") is (place != "before-create")
    assert it.record.times.started
    it.until(lambda: it.record.state.ended)
    assert it.record.image.digest == container.spec.image.removeprefix("i@")
    assert it.record.state is State.SUCCEEDED


def test_M7_what_was_aborted_before_it_was_started_says_what_of_and_no_start() -> None:
    it = OneNode(server(LONG))
    it.ask(request="start")
    killed_at("after-create", it)
    it.ask(request="abort")
    it.until(lambda: it.record.state.ended)
    assert it.record.state is State.ABORTED
    assert it.record.image
    assert (it.record.image.id, it.record.times.started) == ("sha256:fake", None)


def test_F12_an_end_whose_claim_was_dropped_before_the_crash_does_not_stay() -> None:
    it = OneNode()
    it.ask(request="start")
    it.until(lambda: it.record.state.ended if it.view.executions else False)
    delete = it.disk.delete

    def cut(name: str) -> None:
        if name.startswith("outbox/"):
            raise Crash
        delete(name)

    it.disk.delete = cut  # type: ignore[method-assign]
    with pytest.raises(Crash):
        it.until(lambda: False)
    it.disk.delete = delete  # type: ignore[method-assign]
    it.restart()
    assert it.journal.outbox
    assert not it.journal.entries
    it.rounds(2)
    assert not it.journal.outbox
    assert not it.disk.names("outbox")


def test_T2_a_node_that_is_too_old_for_the_repository_says_so_once_and_when_it_is_over() -> None:
    it = OneNode()
    said: list[str] = []
    it.controller.alarms.say = said.append
    it.edit({"winslow.yaml": "schema: 2\n"})
    it.rounds(3)
    assert said == [
        "winslow.yaml wants schema 2, and this node reads up to 1: NodeTooOld; it acts only for what it already runs; "
        "upgrade Winslow here"
    ]
    it.edit({"winslow.yaml": "schema: 1\n"})
    it.rounds(1)
    assert said[1:] == ["it reads what winslow.yaml wants again"]


class DriverGpus:
    """One GPU, on which somebody else's program begins right after the last look."""

    text, certain = "one", True

    def __init__(self) -> None:
        self.fresh = 0

    def look(self, *, fresh: bool = False) -> tuple[NodeGpu, ...]:
        self.fresh += fresh
        health = Health.BUSY if fresh else Health.OK
        return (NodeGpu(uuid="GPU-1", model="RTX", memory=24 << 30, health=health),)


def test_M5_the_driver_is_asked_once_more_before_a_gpu_is_claimed() -> None:
    it = OneNode(server("name: p\nstages:\n  - {name: a, image: i, resources: {gpus: 1}}\n"))
    gpus = DriverGpus()
    it.controller.devices = GpuState(gpus, it.said.append)
    it.ask(request="start")
    it.rounds(4)
    assert gpus.fresh
    assert it.view.executions == ()
