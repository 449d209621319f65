"""L9: usage adds up: per person, project, tag and node the same sums, which are those of the records."""

from hypothesis import given, settings

from flow.order.accounting import UsageRow, usage
from schema.execution import State
from schema.spent import moment
from tests.unit.flow.builders import Story, fleet, node
from tests.unit.flow.test_order import Past, pasts, used, waits


def total(rows: list[UsageRow]) -> tuple[int, int, int, int]:
    return (
        sum(row.executions for row in rows),
        sum(row.milliseconds for row in rows),
        sum(row.cores for row in rows),
        sum(row.gpus for row in rows),
    )


@settings(max_examples=30, deadline=None)
@given(pasts)
def test_L9_by_whatever_it_is_added_up_the_sum_is_that_of_the_records(past: Past) -> None:
    stories: dict[str, Story] = {
        f"p{n}": used(by, day, hours, node_name=where) for n, (by, day, hours, where) in enumerate(past)
    }
    found = fleet({**stories, "waiting": waits("ada")}, node("n1"))
    views = list(found.projects.values())
    records = [record.spent for view in views for record in view.executions if record.spent]
    expected = (
        len(records),
        sum(each.milliseconds for each in records),
        sum(each.cpus * each.milliseconds for each in records),
        0,
    )
    for by in ("person", "project", "tag", "node"):
        assert total(usage(views, by)) == expected  # type: ignore[arg-type]


def test_L9_a_person_with_two_gpus_for_two_hours_had_four_gpu_hours() -> None:
    found = fleet({"a": used("ada", 3, 2, gpus=2), "b": used("ben", 9, 1, tags=("x", "y"))}, node("n1"))
    views = list(found.projects.values())
    ada, ben = usage(views, "person")
    assert (ada.name, ada.executions, ada.hours, ada.core_hours, ada.gpu_hours) == ("ada@lab.example", 1, 2.0, 2.0, 4.0)
    assert (ben.name, ben.gpu_hours) == ("ben@lab.example", 0.0)
    assert [row.name for row in usage(views, "tag")] == ["untagged", "x", "y"]


def test_L9_what_ended_before_is_left_out_and_what_runs_is_not_in_it_yet() -> None:
    running = waits("ada")
    running.ran(State.RUNNING)
    found = fleet({"old": used("ada", 3, 2), "new": used("ada", 20, 2), "r": running}, node("n1"))
    [row] = usage(found.projects.values(), "person", moment("2026-01-10T00:00:00Z") or 0.0)
    assert row.executions == 1
