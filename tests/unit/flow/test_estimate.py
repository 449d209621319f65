"""How long it will still take, as far as anybody can tell."""

import pytest

from flow.status.estimate import Estimate, estimate
from schema.execution import Cached, Execution, State, Times
from tests.unit.flow.builders import started

PIPELINE = "name: p\nstages:\n  - {name: only, image: i}\n"


def story(*seconds: int, state: State = State.SUCCEEDED):  # type: ignore[no-untyped-def]
    """Executions that took so long, and one that runs."""
    here = started(PIPELINE)
    for took in seconds:
        done = here.ran(state)
        times = Times(started="2026-01-01T00:00:00Z", finished=f"2026-01-01T00:{took // 60:02d}:{took % 60:02d}Z")
        here.now(done.execution, times=times)
        here.ask(request="start")
    running: Execution = here.ran(State.RUNNING)
    return here, running


@pytest.mark.parametrize(
    ("took", "elapsed", "percent", "left", "usual"),
    [
        ((), 60, 50, 60, None),
        ((), 60, 100, 0, None),
        ((), 60, 1, None, None),
        ((), 1, 50, None, None),
        ((600, 60, 300), 60, None, 240, 300),
        ((300,), 60, 75, 20, 300),
        ((300,), 400, None, None, 300),
        ((300,), 60, 0, 240, 300),
    ],
)
def test_R2_progress_tells_more_than_earlier_executions(
    took: tuple[int, ...], elapsed: float, percent: float | None, left: float | None, usual: float | None
) -> None:
    here, running = story(*took)
    assert estimate(here.view, running, elapsed, percent) == Estimate(left, usual)


def test_what_failed_or_was_taken_from_another_says_nothing() -> None:
    here, running = story(300, state=State.FAILED)
    assert estimate(here.view, running, 60) == Estimate()
    here, running = story(300)
    here.now(1, cached=Cached(project="p", execution=1))
    assert estimate(here.view, running, 60) == Estimate()
