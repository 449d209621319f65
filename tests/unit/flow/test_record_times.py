"""Times of a record are in order, and as far apart as things took, whatever happened to the clock on the wall."""

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flow.node.node_world import ExecutionEnd
from flow.reconcile.record_times import ended_times
from schema.execution import Execution, State, Times
from tests.unit.flow.builders import started

CLAIMED, STARTED = "2026-03-01T10:00:00.000Z", "2026-03-01T10:00:04.000Z"


def times(finished: str | None, duration: float | None, began: str | None = STARTED) -> Times:
    story = started()
    story.ran(State.RUNNING)
    record: Execution = story.view.executions[0].model_copy(update={"times": Times(claimed=CLAIMED)})
    ended = ExecutionEnd(
        container=record.claim.container, project="v", execution=1, stage=record.stage, state=State.SUCCEEDED,
        started=began, finished=finished, duration=duration,
    )  # fmt: skip
    return ended_times(record, ended)


def test_what_fits_stays_as_it_was_written() -> None:
    found = times("2026-03-01T10:05:05.100Z", 300.0)
    assert found == Times(claimed=CLAIMED, started=STARTED, finished="2026-03-01T10:05:05.100Z", ran=300.0)


@pytest.mark.parametrize(
    ("finished", "began"), [("2026-03-01T11:05:04Z", "11:00:04"), ("2026-03-01T09:05:04Z", "09:00:04")]
)
def test_T2_after_a_step_what_was_before_is_moved_as_the_clock_was(finished: str, began: str) -> None:
    found = times(finished, 300.0)
    assert (found.started, found.finished) == (f"2026-03-01T{began}.000Z", finished)
    assert found.claimed == f"2026-03-01T{began[:-1]}0.000Z"


@pytest.mark.parametrize("odd", ["", "yesterday", "0001-01-01T00:00:00Z", "2026-03-01T10:00:00"])
def test_what_is_no_time_ends_nothing(odd: str) -> None:
    assert times(odd, 300.0).finished == odd
    assert times("2026-03-01T10:05:04Z", 300.0, odd)


@given(st.integers(-(10**6), 10**6), st.floats(0, 10**6))
def test_T2_times_are_in_order_after_any_step(step: int, duration: float) -> None:
    seconds = datetime.fromisoformat(STARTED).timestamp() + duration + step
    found = times(datetime.fromtimestamp(seconds).astimezone().isoformat(), duration)
    moments = [datetime.fromisoformat(each or "") for each in (found.claimed, found.started, found.finished)]
    assert abs((moments[2] - moments[1]).total_seconds() - duration) <= 2.1
    assert moments[0] <= moments[1]


def test_T2_how_long_it_ran_stands_in_the_record_exactly() -> None:
    """A step too small to move times by, and records of nodes that wrote no duration."""
    story = started()
    story.ran(State.SUCCEEDED)
    record = story.view.executions[0]
    exact = record.model_copy(update={"times": times("2026-03-01T10:05:05.900Z", 300.0)})
    assert (exact.ran, exact.spent and exact.spent.milliseconds) == (300.0, 300_000)
    older = record.model_copy(update={"times": exact.times.model_copy(update={"ran": None})})
    assert (older.ran, older.spent and older.spent.milliseconds) == (301.9, 301_900)
    assert times("2026-03-01T10:05:04Z", None).ran is times(None, 300.0).ran is None
