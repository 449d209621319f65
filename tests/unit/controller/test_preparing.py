"""M7: an abort ends what is being prepared at once, and nothing is started after it."""

import threading
from collections.abc import Callable, Iterator, Sequence

import pytest

from controller.dirs.contract import NoTrees, Ready, Tell, quiet
from controller.launch.launcher import ThreadJobs
from flow.node.node_world import LaunchOrder
from runner.contract.spec import Spec
from schema.execution import State
from schema.reasons import End
from tests.unit.controller.worlds import OneNode

GUARD = 30.0


@pytest.fixture
def jobs() -> Iterator[ThreadJobs]:
    found = ThreadJobs(2)
    yield found
    found.close()


class Hashing(NoTrees):
    """Of an input that never ends; it tells how far it is."""

    def __init__(self) -> None:
        self.begun = threading.Event()

    def prepare(self, container: str, order: LaunchOrder, tell: Tell = quiet) -> Ready:
        while True:
            self.begun.set()
            tell("hashing", 1, 2)


def aborted(it: OneNode) -> bool:
    it.rounds(1)
    return it.record.state is State.ABORTED


def wait_for(condition: Callable[[], bool]) -> None:
    ended = threading.Event()
    for _ in range(int(GUARD / 0.05)):
        if condition():
            return
        ended.wait(0.05)
    raise AssertionError("never")


def abort(it: OneNode) -> None:
    it.ask(request="abort")
    wait_for(lambda: aborted(it))
    assert (it.record.reason, it.record.text) == (End.ABORTED, "before it was started")
    assert [reply.accepted for reply in it.view.replies] == [True, True]
    assert not any(container.running for container in it.runner.containers().values())


def test_M7_an_abort_ends_the_hashing_of_an_input(jobs: ThreadJobs) -> None:
    trees = Hashing()
    it = OneNode(trees=trees, jobs=jobs)
    it.ask(request="start")
    it.rounds(2)
    assert trees.begun.wait(GUARD)
    abort(it)


def test_M7_an_abort_does_not_wait_for_an_image_that_is_being_pulled(jobs: ThreadJobs) -> None:
    it = OneNode(jobs=jobs)
    begun, over = threading.Event(), threading.Event()
    resolve = it.runner.resolve

    def slowly(image: str, pull: str) -> object:
        begun.set()
        over.wait(GUARD)
        return resolve(image, pull)

    it.runner.resolve = slowly  # type: ignore[assignment, method-assign]
    it.ask(request="start")
    it.rounds(2)
    assert begun.wait(GUARD)
    abort(it)
    over.set()


@pytest.mark.parametrize("moment", ["before-create", "after-create"])
def test_M7_an_abort_right_before_the_start_is_seen(moment: str) -> None:
    """Written into the journal, as a round does it, while the launch goes on beside it."""
    it = OneNode()
    made: list[str] = []

    def stop(name: str) -> None:
        if name == moment:
            it.journal.mark_stop(next(iter(it.journal.entries)), End.ABORTED)

    create = it.runner.create

    def creating(spec: Spec) -> Sequence[str]:
        made.append(spec.id)
        return create(spec)

    it.runner.create = creating  # type: ignore[method-assign]
    it.failpoint = stop
    it.ask(request="start")
    it.until(lambda: bool(it.view.executions) and it.record.state.ended)
    assert it.record.state is State.ABORTED
    assert it.record.times.started is None
