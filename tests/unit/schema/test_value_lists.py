"""Lists of values as people type them: what is no list, or a list without an end, is told and never begun."""

import pytest

from schema.value_lists import listed


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("0.2:0.8:0.2", [0.2, 0.4, 0.6, 0.8]),
        ("3:1:-1", [3, 2, 1]),
        ("1:1:5", [1]),
        ("1,true,a,2.5", [1, True, "a", 2.5]),
        ("a:b:c", ["a:b:c"]),
        ("9" * 5000, ["9" * 5000]),
    ],
)
def test_a_list_of_values(text: str, values: list[object]) -> None:
    assert listed(f"x={text}") == ("x", values)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("0:1:0.0000001", "has more than 1000 values"),
        ("0:1:0", "has no values"),
        ("0:1:-1", "has no values"),
        ("0:1e308:1e-308", "has more than 1000 values"),
        ("0:inf:1", "has more than 1000 values"),
        ("nan:1:1", "has no values"),
        (",".join(["1:1000:1"] * 500), "has more than 1000 values"),
    ],
)
def test_a_list_that_has_no_end_or_no_values_is_told(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        listed(f"x={text}")
