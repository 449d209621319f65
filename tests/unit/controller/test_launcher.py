"""Launches and collections that fail: they rest, they can be aborted, they come to an end."""

import errno
from collections.abc import Callable

import pytest

from controller.dirs.contract import Gathered, NotKept, NoTrees, NotYet, Ready, Tell, quiet
from controller.launch.launcher import MOST_FAULTS
from controller.launch.work_failures import RESTS, WorkFailures
from flow.node.node_world import LaunchOrder
from runner.contract.errors import EngineUnavailable
from schema.execution import State
from schema.reasons import End
from tests.unit.controller.worlds import OneNode, server

FULL = OSError(errno.ENOSPC, "No space left on device")
ONCE = "name: p\nstages:\n  - {name: a, image: i, retry: {when: []}}\n"
BY_THE_DISK = [FULL, NotKept("the bucket is away", 2.0), NotYet("still written to"), EngineUnavailable("no engine")]


class Broken(NoTrees):
    """Fails as it is told, as long as it is told."""

    def __init__(self) -> None:
        self.preparing: Exception | None = None
        self.gathering: Exception | None = None
        self.tries = 0

    def prepare(self, container: str, order: LaunchOrder, tell: Tell = quiet) -> Ready:
        self._fail(self.preparing)
        return super().prepare(container, order, tell)

    def gather(self, container: str, order: LaunchOrder) -> Gathered:
        self._fail(self.gathering)
        return super().gather(container, order)

    def _fail(self, error: Exception | None) -> None:
        if error:
            self.tries += 1
            raise error


def node(**fails: Exception) -> tuple[OneNode, Broken]:
    """Asked to start, up to the first try that fails."""
    trees = Broken()
    for name, error in fails.items():
        setattr(trees, name, error)
    it = OneNode(server(ONCE), trees)
    it.ask(request="start")
    it.until(lambda: trees.tries > 0)
    return it, trees


def ended(it: OneNode) -> Callable[[], bool]:
    return lambda: it.record.state.ended


@pytest.mark.parametrize("place", ["preparing", "gathering"])
def test_M7_what_fails_for_no_reason_that_passes_ends_its_execution_and_says_why_once(
    place: str, capsys: pytest.CaptureFixture[str]
) -> None:
    it, trees = node(**{place: RuntimeError("a defect")})
    it.until(ended(it))
    assert (it.record.state, it.record.reason) == (State.FAILED, End.INFRASTRUCTURE)
    assert "RuntimeError: a defect" in it.record.text
    assert trees.tries == MOST_FAULTS
    [said] = [text for text in it.said if "v/1" in text]
    assert "RuntimeError: a defect" in said
    assert capsys.readouterr().err.count("Traceback") == 1, "where it was, in the log"
    it.until(lambda: not it.runner.containers() and not it.journal.outbox)


def test_M8_a_launch_that_is_tried_again_shows_as_being_prepared_and_why() -> None:
    it, trees = node(preparing=NotYet("rec.mp4 is still written to"))
    it.until(lambda: it.record.state is State.PREPARING)
    assert it.record.text == "rec.mp4 is still written to"
    trees.preparing = None
    it.until(ended(it))
    assert (it.record.state, it.record.text) == (State.SUCCEEDED, "")
    assert not it.workshop.launching


@pytest.mark.parametrize("error", BY_THE_DISK, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("place", ["preparing", "gathering"])
def test_F21_what_passes_is_waited_for_however_long(place: str, error: Exception) -> None:
    it, trees = node(**{place: error})
    it.rounds(400)
    assert not it.record.state.ended
    assert trees.tries < 400 * 5 / RESTS.longest * 35, "with pauses between"
    trees.preparing = trees.gathering = None
    it.until(ended(it))
    assert it.record.state is State.SUCCEEDED


@pytest.mark.parametrize("error", [FULL, RuntimeError("a defect")], ids=["passing", "lasting"])
@pytest.mark.parametrize("place", ["preparing", "gathering"])
def test_M7_an_abort_ends_what_cannot_be_launched_and_what_cannot_be_gathered(place: str, error: Exception) -> None:
    it, _ = node(**{place: error})
    it.ask(request="abort")
    it.rounds(2)
    assert (it.record.state, it.record.reason) == (State.ABORTED, End.ABORTED)
    assert [reply.accepted for reply in it.view.replies] == [True, True]
    it.until(lambda: not it.runner.containers() and not it.journal.entries and not it.journal.outbox)


@pytest.mark.parametrize("place", ["preparing", "gathering"])
def test_a_failure_wakes_nobody_and_rests_before_it_is_tried_again(place: str) -> None:
    it, trees = node(**{place: FULL})
    before = it.wakes
    it.rounds(9, seconds=0.1)
    assert (trees.tries, it.wakes) == (1, before)
    it.rounds(1, seconds=RESTS.first)
    assert (trees.tries, it.wakes) == (2, before)
    it.rounds(19, seconds=0.1)
    assert trees.tries == 2, "twice as long"


def test_rests_double_up_to_the_longest() -> None:
    rests = WorkFailures(lambda: 0.0)
    tries = [rests.add("c", "launch", "x", passing=True) for _ in range(9)]
    assert [each.until for each in tries] == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert [each.news for each in tries] == [True] + [False] * 8
    assert rests.add("c", "collection", "x", passing=False).tries == 1, "another piece of work"
    rests.over("c")
    assert not rests.now


def test_a_launch_that_failed_does_not_keep_what_ran_all_the_same_from_being_gathered() -> None:
    it = OneNode()
    start = it.runner.start

    def late(container: str) -> None:
        start(container)
        raise EngineUnavailable("no answer")

    it.runner.start = late  # type: ignore[method-assign]
    it.ask(request="start")
    it.until(lambda: bool(it.runner.containers()))
    it.clock.seconds += 1.5
    it.ask(request="abort")
    it.until(ended(it))
    assert it.record.state is State.SUCCEEDED


def test_while_the_engine_is_away_nothing_is_launched_on_what_was_seen_last() -> None:
    it, trees = node(preparing=FULL)
    trees.preparing = None
    looked = it.runner.containers

    def away() -> None:
        raise EngineUnavailable("no engine")

    it.runner.containers = away  # type: ignore[assignment, method-assign]
    it.rounds(30)
    assert it.journal.entries
    assert not it.runner._boxes
    it.runner.containers = looked  # type: ignore[method-assign]
    it.until(ended(it))
    assert it.record.state is State.SUCCEEDED
