"""How an execution ended: the container's end, the reason that its node wrote down, and what it left."""

import pytest

from controller.dirs.contract import Gathered
from controller.launch.outcome import judge
from flow.node.node_world import HeldClaim, LaunchOrder
from runner.contract.spec import Condition, Container, Ending
from schema.execution import State
from schema.reasons import End

ORDER = LaunchOrder(project="v", execution=1, stage="a", image="i", timeout=5.0, idle_timeout=2.0)
CLAIM = "1" * 32


def verdict(
    ending: Ending | None, code: int = 0, stop: End | None = None, detail: str = "", **gathered: object
) -> tuple[State, End | None, str]:
    entry = HeldClaim(claim=CLAIM, container=CLAIM, order=ORDER, phase="started", stop=stop)
    container = Container(CLAIM, {}, Condition.EXITED, exit_code=code, ending=ending, detail=detail)
    ended = judge(entry, container, Gathered(**gathered))  # type: ignore[arg-type]
    return ended.state, ended.reason, ended.text


@pytest.mark.parametrize(
    ("stop", "state"),
    [
        (End.ABORTED, State.ABORTED),
        (End.DELETED, State.ABORTED),
        (End.SUPERSEDED, State.ABORTED),
        (End.FAIL_FAST, State.ABORTED),
        (End.TIMEOUT, State.FAILED),
        (End.NO_OUTPUT, State.FAILED),
        (End.INFRASTRUCTURE, State.FAILED),
    ],
)
def test_M7_what_its_node_stopped_ends_with_the_reason_that_was_written_down(stop: End, state: State) -> None:
    assert verdict(Ending.STOPPED, 143, stop)[:2] == (state, stop)


@pytest.mark.parametrize(
    ("ending", "code", "state", "reason", "said"),
    [
        (Ending.OOM, 137, State.FAILED, End.OOM_KILLED, "it used more memory than it may"),
        (Ending.OOM, 0, State.FAILED, End.OOM_KILLED, "it used more memory than it may"),
        (Ending.STOPPED, 0, State.FAILED, End.INFRASTRUCTURE, "it was stopped from outside Winslow"),
        (Ending.CANCELLED, 0, State.ABORTED, End.ABORTED, "somebody ended it outside Winslow"),
        (Ending.INFRASTRUCTURE, 0, State.FAILED, End.INFRASTRUCTURE, "the machine or its engine went down"),
    ],
)
def test_an_end_that_others_caused_is_no_result_whatever_the_exit_code(
    ending: Ending, code: int, state: State, reason: End, said: str
) -> None:
    assert verdict(ending, code) == (state, reason, said)
    assert verdict(ending, code, detail="in its words")[:2] == (state, reason)


def test_a_stop_that_did_not_end_the_program_says_nothing_of_its_end() -> None:
    """It was told to stop, and ended by itself before that."""
    assert verdict(None, 0, End.TIMEOUT)[:2] == (State.SUCCEEDED, None)
    assert verdict(None, 3, End.TIMEOUT)[:2] == (State.FAILED, End.EXIT_CODE)


def test_what_was_promised_and_is_not_there_fails_a_program_that_succeeded() -> None:
    assert verdict(None, 0, missing=("a.csv",)) == (State.FAILED, End.MISSING_ARTIFACT, "promised but not there: a.csv")
    assert verdict(None, 3, missing=("a.csv",))[1] is End.EXIT_CODE


@pytest.mark.parametrize(
    ("stop", "said"),
    [(End.TIMEOUT, "ran longer than its timeout of 5 s"), (End.NO_OUTPUT, "no output for 2 s"), (End.ABORTED, "")],
)
def test_a_limit_is_told_with_its_number(stop: End, said: str) -> None:
    assert verdict(Ending.STOPPED, 143, stop)[2] == said
