"""Regions: what fits, what is refused and why, and that nobody's numbers are changed on the way."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema.binding import read
from schema.errors import DocumentError
from schema.inputs import Input, InputError, fit
from schema.pipeline import Pipeline
from schema.region import MOST_POINTS, MOST_SHAPES

ROI = Input.model_validate({"type": "region"})
numbers = st.integers(-1_000_000, 1_000_000) | st.floats(-1e6, 1e6, allow_nan=False)
points = st.lists(st.tuples(numbers, numbers).map(list), min_size=3, max_size=6)


@given(points)
def test_P7_a_program_reads_the_numbers_that_were_drawn(drawn: list[list[float]]) -> None:
    said = {"size": [1920, 1080], "shapes": [{"kind": "polygon", "name": "lane", "points": drawn}]}
    text = fit(ROI, json.dumps(said), "roi")
    assert isinstance(text, str)
    assert json.loads(text) == said
    assert fit(ROI, text, "roi") == text, "the same region is the same text"
    assert fit(ROI, said, "roi") == text


@pytest.mark.parametrize(
    ("region", "said"),
    [
        ("", "is JSON like"),
        ("[", "line 1, column 2"),
        ("3", "a mapping with `shapes`"),
        ("[" * 20_000, "is JSON like"),
        ({"shapes": []}, "at least one shape"),
        ({"shapes": [{"kind": "circle", "points": [[1, 2]]}]}, "point, line, box, polygon, not 'circle'"),
        ({"shapes": [{"kind": "line", "points": [[1, 2]]}]}, "a line has 2 to 1000 points"),
        ({"shapes": [{"kind": "box", "points": [[1, 2]] * 3}]}, "a box has 2 points"),
        ({"shapes": [{"kind": "point", "points": [[1]]}]}, "shape 1, point 1: [x, y] is wanted"),
        ({"shapes": [{"kind": "point", "points": [[1, True]]}]}, "a finite number"),
        ({"shapes": [{"kind": "point", "points": [[1, 2e9]]}]}, "a number from -1e+06 to 1e+06"),
        ('{"shapes": [{"kind": "point", "points": [[1, NaN]]}]}', "is JSON like"),
        ('{"shapes": [{"kind": "point", "points": [[1, 1e999]]}]}', "a finite number"),
        ({"shapes": [{"kind": "point", "points": [[1, 2]], "name": "a\nb"}]}, "its name is a text"),
        ({"shapes": [{"kind": "point", "points": [[1, 2]]}], "color": 1}, "unknown key 'color'"),
        ({"shapes": [{"kind": "point", "points": [[1, 2]]}] * (MOST_SHAPES + 1)}, f"at most {MOST_SHAPES} shapes"),
        ({"shapes": [{"kind": "line", "points": [[1, 2]] * 600}] * 2}, f"at most {MOST_POINTS} points"),
        ({"shapes": [{"kind": "point", "points": [[1, 2]]}], "size": [0, 5]}, "a number from 1"),
        ({"shapes": [{"kind": "point", "points": [[1, 2]]}], "at": -1}, "a number from 0"),
        (f'{{"shapes": [{{"kind": "point", "points": [[1{"0" * 400}, 2]]}}]}}', "a number from -1e+06"),
        ('{"shapes": [{"kind": "point", "points": [[1e999, 2]]}]}', "a finite number"),
        ({"shapes": [{"kind": "point", "points": [[float("nan"), 2]]}]}, "a finite number"),
        ('{"shapes": [{"kind": "point", "points": [[1, 2]], "name": "\\ud800"}]}', "half characters"),
        ('{"on": "\\udfff.png", "shapes": [{"kind": "point", "points": [[1, 2]]}]}', "half characters"),
    ],
)
def test_P7_what_is_no_region_is_refused_with_its_place(region: object, said: str) -> None:
    with pytest.raises(InputError) as error:
        fit(ROI, region, "roi")
    assert str(error.value).startswith("roi: ")
    assert said in str(error.value)


def test_P7_only_permitted_kinds_fit() -> None:
    lines = Input.model_validate({"type": "region", "shapes": ["line"]})
    box = {"shapes": [{"kind": "box", "points": [[1, 2], [3, 4]]}]}
    with pytest.raises(InputError, match="one of line, not 'box'"):
        fit(lines, box, "roi")
    assert fit(ROI, box, "roi")


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("{type: string, on: inputs.video}", "belong to `type: region`"),
        ("{type: region, on: video}", "p.yaml:2:"),
        ("{type: region, shapes: [circle]}", "one of point, line, box, polygon is wanted"),
        ("{type: region, default: x}", "is JSON like"),
    ],
)
def test_P7_a_definition_that_cannot_hold_is_refused(spec: str, said: str) -> None:
    with pytest.raises(DocumentError) as error:
        read(
            Pipeline,
            f"name: p\ninputs: {{roi: {spec}}}\nstages: [{{name: a, image: host/sh, command: [a]}}]\n",
            "p.yaml",
        )
    assert said in str(error.value)


def test_P7_a_wrong_place_of_the_picture_is_told_in_words() -> None:
    with pytest.raises(DocumentError, match=r"inputs\.NAME or stages\.STAGE/PATH is wanted, not 'still/frame\.png'"):
        read(Pipeline, "name: p\ninputs: {roi: {type: region, on: still/frame.png}}\nstages: []\n", "p.yaml")
