"""A stage that repeats: which runs belong to the one that is wanted now, and how often it has succeeded already."""

from collections.abc import Iterator, Mapping, Sequence

from schema.execution import Execution, State
from schema.pipeline import Stage


def of_this_run(stage: Stage, runs: Sequence[Execution]) -> Sequence[Execution]:
    """The executions that count as attempts of what is wanted now: each run of a repetition has its own."""
    if not stage.repeat:
        return runs
    last = next((at for at in range(len(runs), 0, -1) if runs[at - 1].state is State.SUCCEEDED), 0)
    return runs[last:]


def newest_success(runs: Sequence[Execution]) -> int | None:
    return next((e.execution for e in reversed(runs) if e.state is State.SUCCEEDED), None)


def earlier_runs(by_number: Mapping[int, Execution], base: int | None) -> Iterator[Execution]:
    """That result and those it went on from, of the same slot in the same chain; newest first."""
    newest = before = by_number.get(base) if base is not None else None
    while before and newest and _same_slot(before, newest):
        yield before
        source = before.workspace.source
        before = by_number.get(source) if source is not None and source < before.execution else None


def _same_slot(one: Execution, other: Execution) -> bool:
    return (one.chain, one.stage, one.point) == (other.chain, other.stage, other.point)
