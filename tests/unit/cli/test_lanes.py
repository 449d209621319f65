"""A graph of stages as lanes of text."""

from cli.lanes import cells, drawn


def test_branches_stand_beside_each_other_and_a_join_names_what_it_needs() -> None:
    graph = {"cut": [], "left": ["cut"], "right": ["cut"], "join": ["left", "right"], "end": ["join"]}
    assert list(drawn(graph).values()) == [
        "* cut",
        "| * left",
        "* | right",
        "*   join < left, right",
        "*   end",
    ]


def test_a_row_needs_no_lanes() -> None:
    assert drawn({"a": [], "b": []}) == {"a": "a", "b": "b"}


def test_points_are_one_sign_each_with_a_key() -> None:
    assert cells(["succeeded", "failed", "pending"]) == "+x.  (+ 1 succeeded, x 1 failed, . 1 pending)"
