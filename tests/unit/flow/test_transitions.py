"""Every pair of states of an execution's record, under the same and under a new claim."""

import pytest

from flow.model.transitions import NEXT, illegal
from schema.execution import Claim, Execution, State

PAIRS = [(before, after) for before in State for after in State]


def record(state: State, *, claim: str = "a", epoch: int = 1, **other: object) -> Execution:
    held = Claim(id=claim * 32, container="a" * 32, node="n", incarnation="i", epoch=epoch)
    return Execution.model_validate(
        {"execution": 1, "stage": "s", "chain": 1, "request": "r", "state": state, "claim": held, **other}
    )


@pytest.mark.parametrize(("before", "after"), PAIRS)
def test_only_listed_steps_are_legal(before: State, after: State) -> None:
    if after not in NEXT[before]:
        assert illegal(record(before), record(after))


@pytest.mark.parametrize("state", [s for s in State if s.ended and s is not State.SUPERSEDED])
@pytest.mark.parametrize("after", list(State))
def test_an_ended_record_is_immutable(state: State, after: State) -> None:
    assert illegal(record(state), record(after))
    assert illegal(record(state), record(after, claim="b", epoch=2))


def test_a_lost_claim_never_goes_on_under_its_id() -> None:
    assert illegal(record(State.LOST), record(State.RUNNING))
    assert illegal(record(State.LOST), record(State.RUNNING, claim="b", epoch=2)) is None


def test_a_new_claim_raises_the_epoch_by_one() -> None:
    assert illegal(record(State.CLAIMED), record(State.CLAIMED, claim="b", epoch=1))
    assert illegal(record(State.CLAIMED), record(State.CLAIMED, claim="b", epoch=3))
    assert illegal(record(State.CLAIMED), record(State.CLAIMED, claim="b", epoch=2)) is None


def test_what_an_execution_is_never_changes() -> None:
    assert illegal(record(State.CLAIMED), record(State.RUNNING, stage="t"))


def test_a_record_begins_as_a_claim() -> None:
    assert illegal(None, record(State.RUNNING))
    assert illegal(None, record(State.CLAIMED)) is None
