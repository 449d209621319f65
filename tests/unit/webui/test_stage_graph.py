"""Where the boxes of a pipeline's picture lie."""

import pytest

from flow.status.states import StageState
from webui.views.stage_graph import PER_ROW, ROW, graph


def drawn(count: int):  # type: ignore[no-untyped-def]
    return graph([StageState(f"s{n}", "pending") for n in range(count)], [""] * count)


@pytest.mark.parametrize("count", [0, 1, PER_ROW, PER_ROW + 1, 40])
def test_no_two_boxes_lie_at_one_place_and_all_lie_inside(count: int) -> None:
    found = drawn(count)
    assert len({(box.x, box.y) for box in found.boxes}) == count
    assert all(box.x < found.width and box.y < found.height for box in found.boxes)
    assert len(found.arrows) == max(0, count - 1)


def test_rows_follow_each_other() -> None:
    boxes = drawn(PER_ROW + 1).boxes
    assert boxes[-1].y == boxes[0].y + ROW
    assert boxes[-1].x == boxes[0].x


def test_a_long_name_is_cut() -> None:
    [box] = graph([StageState("x" * 63, "pending")], [""]).boxes
    assert len(box.name) == 20


def test_what_could_run_together_stands_in_one_column_right_of_what_it_needs() -> None:
    needs = {"cut": (), "left": ("cut",), "right": ("cut",), "join": ("left", "right")}
    found = graph([StageState(name, "pending", needs=each) for name, each in needs.items()], [""] * 4)
    cut, left, right, join = found.boxes
    assert cut.x < left.x == right.x < join.x
    assert left.y != right.y
    assert len(found.arrows) == 4
    assert all(box.x < found.width and box.y < found.height for box in found.boxes)


def test_of_points_the_box_says_how_many_are_done() -> None:
    points = tuple(StageState(f"a.{n}", "succeeded" if n < 3 else "pending") for n in range(5))
    [one, two] = graph(
        [StageState("a", "running", points=points), StageState("b", "pending", needs=("a",))], ["", ""]
    ).boxes
    assert (one.note, two.note) == ("3 of 5", "")
