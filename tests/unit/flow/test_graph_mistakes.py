"""Graphs, points and conditions that can never run are refused where they stand."""

import pytest

from flow.project.pipeline_checks import is_mistaken, unfilled
from schema.binding import bind
from schema.codec import load
from schema.errors import DocumentError
from schema.pipeline import Pipeline

HEAD = "name: p\ninputs: {x: {type: number, default: 1}, on: {type: boolean, default: true}}\nstages:\n"


def told(stages: str) -> str:
    """What is said of a pipeline, from whichever of the two that look at it."""
    parsed = load(HEAD + stages, "f")
    try:
        pipeline = bind(Pipeline, parsed)
    except DocumentError as error:
        return str(error)
    problems = tuple(unfilled(pipeline, parsed))
    assert is_mistaken(pipeline) == bool(problems)
    return "\n".join(map(str, problems))


@pytest.mark.parametrize(
    ("stages", "expected"),
    [
        (
            "- {name: a, image: i, needs: [b]}\n- {name: b, image: i, needs: [c]}\n- {name: c, image: i, needs: [a]}",
            "f:4:31: the stages need each other in a circle: a needs b needs c needs a",
        ),
        ("- {name: a, image: i, needs: [a]}", "f:4:31: the stages need each other in a circle: a needs a"),
        (
            "- {name: left, image: i}\n- {name: b, image: i, needs: [lft]}",
            "f:5:31: stage 'b' needs 'lft', which is no stage (did you mean 'left'?)",
        ),
        (
            "- {name: a, image: i, needs: [b]}\n- {name: b, image: i, needs: []}",
            "f:4:31: stage 'a' needs 'b', which stands below it; move it up",
        ),
        ("- {name: a, image: i}\n- {name: b, image: i, needs: [a, a]}", "f:5:34: stage 'b' names 'a' twice"),
        (
            f"- {{name: a, image: i, parallel: {{matrix: {{x: {list(range(40))}, y: {list(range(40))}}}}}}}",
            "f:4:42: 1600 points are too many; at most 1000 are permitted",
        ),
        (
            "- {name: a, image: i, parallel: {matrix: {x: [1, fast]}}}",
            "f:4:50: stage 'a': x: a number is wanted, not 'fast'",
        ),
        ("- {name: a, image: i, parallel: {for_each: x}}", "f:4:44: $[[ stages.STAGE.values.KEY ]] is wanted"),
        (
            '- {name: a, image: i}\n- {name: b, image: i, needs: [], parallel: {for_each: "$[[ stages.a.values.l ]]"}}',
            "f:5:55: 'a' is no earlier stage that 'b' needs",
        ),
        ("- {name: a, image: i, if: inputs.x and}", "f:4:27: it ends where a name or a value is wanted"),
        ("- {name: a, image: i, if: inputs.x}", "f:4:27: inputs.x is a number, where true or false is wanted"),
        ("- {name: a, image: i, if: inputs.x == 'a'}", "f:4:27: inputs.x is a number, and 'a' is a text"),
        ("- {name: a, image: i, if: inputs.onn}", "f:4:27: inputs.onn: no such input (did you mean 'on'?)"),
        ("- {name: a, image: i, if: on}", "f:4:27: 'on' is neither a value nor a name"),
        ("- {name: a, image: i, if: stages.b.values.x > 1}", "f:4:27: stages.b.values.x: 'b' is no earlier stage"),
        (
            "- {name: a, image: i, workspace: {from: b}}",
            "f:4:41: the workspace begins with what 'b' left",
        ),
    ],
)
def test_it_is_told_where_it_stands(stages: str, expected: str) -> None:
    assert expected in told(stages)


@pytest.mark.parametrize("condition", ["inputs.on", "not inputs.on or inputs.x >= 2", "(inputs.x == 1) and inputs.on"])
def test_what_is_right_is_not_complained_of(condition: str) -> None:
    assert told(f'- {{name: a, image: i, if: "{condition}"}}') == ""
