"""What uses up which budget: failures of the program, of the machine, and ends that are nobody's fault."""

from itertools import islice

import pytest

from flow.fold.attempts import MAX_LOSSES, saved_by
from flow.fold.repetition import earlier_runs
from schema.execution import State
from schema.reasons import End, Wait
from tests.unit.flow.builders import Story, started

RETRIES = """
name: p
stages:
  - {name: one, image: i, retry: {max: 1, when: [exit_code, infrastructure, node_lost], backoff: 10s},
     interruptible: true, checkpoint: {paths: [c]}}
"""
FILES = "blake3:" + "a" * 64


def after(*ends: End | State) -> Story:
    """Attempts that ended so, one after the other."""
    told = started(RETRIES)
    for end in ends:
        told.ran(end) if isinstance(end, State) else told.ran(State.FAILED, end)
    return told


def test_ends_that_are_the_machines_fault_use_up_no_retry_of_the_program() -> None:
    assert after(End.CONTAINER_LOST, End.GPU_LOST, End.PREEMPTED, End.EXIT_CODE).wanted == ["one"]
    assert after(End.CONTAINER_LOST, End.EXIT_CODE, End.EXIT_CODE).wanted == []
    assert after(End.EXIT_CODE, End.CONTAINER_LOST).wanted == ["one"]


def test_a_machine_may_fail_so_often_and_no_more() -> None:
    ends = [End.CONTAINER_LOST, End.GPU_LOST, End.INFRASTRUCTURE]
    assert len(ends) == MAX_LOSSES
    assert after(*ends[:-1]).wanted == ["one"]
    assert after(*ends).steps.wait.reason is Wait.FAILED


@pytest.mark.parametrize(
    ("ends", "rest"),
    [
        ((End.EXIT_CODE,), 10.0),
        ((End.EXIT_CODE, End.CONTAINER_LOST), 20.0),
        ((End.PREEMPTED, End.PREEMPTED, End.EXIT_CODE), 10.0),  # what gave way has failed at nothing
        ((End.EXIT_CODE, End.PREEMPTED), 0.0),
        ((End.EXIT_CODE, State.LOST), 0.0),
    ],
)
def test_the_rest_before_the_next_attempt_grows_with_failures_alone(ends: tuple[End | State, ...], rest: float) -> None:
    assert after(*ends).steps.run.backoff == rest


@pytest.mark.parametrize("state", [State.SUCCEEDED, State.ABORTED])
def test_what_was_saved_before_an_end_that_counts_is_not_begun_with(state: State) -> None:
    told = started(RETRIES)
    stage = told.view.definition.stage("one")  # type: ignore[union-attr]
    assert stage
    left = told.ran(State.FAILED, End.PREEMPTED, manifest=FILES)
    ended = left.model_copy(update={"execution": 2, "state": state, "reason": None})
    lost = left.model_copy(update={"execution": 3, "reason": End.CONTAINER_LOST, "result": None})
    assert saved_by(stage, [left, lost]) == 1
    assert saved_by(stage, [left, ended, lost]) is None


def test_what_the_next_attempt_begins_with_is_kept_for_it() -> None:
    told = started(RETRIES)
    told.ran(State.FAILED, End.PREEMPTED, manifest=FILES)
    assert told.steps.sources == (1,)
    told.ran(State.RUNNING)  # and may be interrupted before it has saved anything
    assert told.steps.sources == (1,)


def test_only_results_of_the_same_point_count_as_its_runs() -> None:
    """A request may put one point on what another left; and a record that names itself ends the count."""
    told = started()
    first = told.ran()
    own, workspace = first.model_copy(update={"point": 1}), first.workspace
    other = own.model_copy(update={"execution": 2, "point": 2, "workspace": workspace.model_copy(update={"source": 1})})
    again = other.model_copy(update={"execution": 3, "workspace": workspace.model_copy(update={"source": 2})})
    known = {each.execution: each for each in (own, other, again)}
    assert [each.execution for each in earlier_runs(known, 3)] == [3, 2]
    circle = own.model_copy(update={"workspace": workspace.model_copy(update={"source": 1})})
    assert len(list(islice(earlier_runs({1: circle}, 1), 9))) == 1
