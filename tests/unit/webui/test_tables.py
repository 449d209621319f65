"""Tables that a program wrote, as lines of finite numbers."""

import html
import json

import pytest

from webui.views.charts import TOLD, trend
from webui.views.tables import MOST_BYTES, MOST_LINES, MOST_POINTS, read


def lines(text: str) -> dict[str, tuple[tuple[float, float], ...]]:
    return {line.name: line.points for line in read("loss.csv", "/x", text.encode()).lines}


def test_M2_the_first_column_goes_across_and_each_other_one_of_numbers_is_a_line() -> None:
    text = "step,loss,phase,speed\n0,1.5,warm,\n10,0.5,warm,3\n20,nan,cold,-4e0\n"
    assert lines(text) == {"loss": ((0, 1.5), (10, 0.5)), "speed": ((10, 3), (20, -4))}


def test_where_the_first_column_is_no_number_rows_are_counted() -> None:
    assert lines("when,cars\nmon,3\ntue,5\n") == {"cars": ((0, 3), (1, 5))}


def test_semicolons_with_decimal_commas_and_tabs_are_read_as_what_they_are() -> None:
    assert lines("step;loss\n0;1,5\n1;0,25\n") == {"loss": ((0, 1.5), (1, 0.25))}
    assert lines("step\tloss, smooth\n0\t1.5\n") == {"loss, smooth": ((0, 1.5),)}


@pytest.mark.parametrize(
    "text", ["", "a", "a,b\n", "a,b\nx,y\n", "a,b\n1,inf\n", "\0\1\2", 'a,"b\n' * 3, "a,b\n1,1e400\n"]
)
def test_what_has_no_numbers_says_so(text: str) -> None:
    table = read("loss.csv", "/x", text.encode())
    assert not table.lines
    assert table.note


def test_S6_a_hostile_table_is_bounded_and_makes_no_element() -> None:
    heads = ",".join(f"<b>{n}" for n in range(50))
    rows = "\n".join(",".join([str(n)] * 50) for n in range(60_000))
    table = read("<i>.csv", "/x", f"{heads}\n{rows}".encode())
    assert table.note
    assert len(table.lines) == MOST_LINES
    assert all(len(line.points) <= MOST_POINTS + 1 for line in table.lines)
    assert len(f"{heads}\n{rows}") > MOST_BYTES
    assert "<b>" not in table.drawn()
    assert "<i>" not in table.drawn()


def test_a_line_that_stays_level_lies_in_the_middle() -> None:
    assert "80" in read("a", "/x", b"x,y\n0,5\n1,5\n").drawn().split('points="')[1]


def test_M2_a_trend_names_the_execution_of_each_dot() -> None:
    drawn = trend([(3, 0.5), (7, 0.25)], "loss")
    assert "<title>3: 0.5</title>" in drawn
    assert drawn.count("<circle") == 2
    assert values(drawn) == [[4.0, "execution 3: 0.5"], [156.0, "execution 7: 0.25"]]


def test_S6_values_of_a_drawing_are_few_and_end_with_the_last() -> None:
    rows = "\n".join(f"{n},{n}" for n in range(900))
    told = values(read("a", "/x", f"step,<b>\"'&\n{rows}\n".encode()).drawn())
    assert 32 <= len(told) <= TOLD
    assert told[-1] == [600.0, "step 899: <b>\"'& 899"]


def values(drawn: str) -> list[list[object]]:
    found = json.loads(html.unescape(drawn.split('data-values="')[1].split('"')[0]))
    return list(found)
