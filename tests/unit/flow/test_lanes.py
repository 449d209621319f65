"""Who ran what: spans on the lanes of nodes."""

from dataclasses import replace

import pytest

from flow.model.snapshot import ProjectView, Snapshot
from flow.status.lanes import lanes
from schema.execution import Claim, Execution, State, Times
from schema.node import Inventory

NOON = 1_772_366_400.0  # 2026-03-01 12:00 UTC


def run(number: int, node: str, began: str, ended: str | None, state: State = State.SUCCEEDED) -> Execution:
    times = Times(started=f"2026-03-01T{began}:00Z", finished=f"2026-03-01T{ended}:00Z" if ended else None)
    id = f"{number:032x}"
    claim = Claim(id=id, container=id, node=node, incarnation="i")
    asked = "0001-start.yaml"
    return Execution(execution=number, stage="a", chain=1, request=asked, state=state, claim=claim, times=times)


def snapshot(*runs: Execution) -> Snapshot:
    nodes = {name: Inventory(node=name, incarnation="i") for name in ("n1", "n2")}
    return Snapshot("m", "s", projects={"v": replace(ProjectView("v", None), executions=runs)}, inventories=nodes)


def test_a_run_lies_where_its_time_is_and_is_cut_at_both_ends() -> None:
    over, running = run(1, "n1", "09:00", "10:30"), run(2, "n1", "11:00", None, State.RUNNING)
    found = lanes(snapshot(over, running), NOON - 7200, NOON)
    [first, second] = found["n1"].spans
    assert (first.left, first.width) == (0.0, pytest.approx(0.25))
    assert (second.left, second.width) == (pytest.approx(0.5), pytest.approx(0.5))
    assert found["n1"].used == pytest.approx(0.75)
    assert found["n2"].spans == ()


def test_what_overlaps_counts_once_and_what_is_over_or_never_began_is_left_out() -> None:
    before, beside = run(1, "n1", "07:00", "08:00"), run(2, "n1", "11:00", "12:00")
    never = beside.model_copy(update={"execution": 4, "times": Times()})
    found = lanes(snapshot(before, beside, run(3, "n1", "11:30", "12:00"), never), NOON - 3600, NOON)
    assert [each.run.execution for each in found["n1"].spans] == [2, 3]
    assert found["n1"].used == pytest.approx(1.0)


def test_whatever_runs_is_shown_and_of_what_is_over_the_newest() -> None:
    running = [run(number, "n1", "11:00", None, State.RUNNING) for number in (1, 2)]
    over = [run(number, "n1", "11:00", "11:30") for number in range(3, 40)]
    found = lanes(snapshot(*running, *over), NOON - 3600, NOON)["n1"].spans
    assert sorted(each.run.execution for each in found) == [1, 2, *range(20, 40)]


def test_a_lost_run_without_an_end_is_left_out() -> None:
    assert lanes(snapshot(run(1, "n1", "11:00", None, State.LOST)), NOON - 3600, NOON)["n1"].spans == ()
