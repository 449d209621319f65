"""Where a result comes from, back to the first execution."""

from flow.status.provenance import named_by, steps
from schema.execution import Cached, Result
from tests.unit.flow.builders import Story, fleet, node, started

TWO = """name: p
inputs: {speed: {type: number, default: 1}, mode: {type: string, default: quick}}
stages:
  - {name: a, image: i}
  - {name: b, image: i}
"""


def told() -> Story:
    story = Story(TWO, inputs={"mode": "careful"})
    story.ask(request="start", inputs={"speed": 3})
    for _ in range(2):
        number = story.ran().execution
        story.now(number, inputs={"speed": 3, "mode": "careful"}, result=Result(manifest=f"m{number}"))
    return story


def test_the_chain_leads_to_the_first_execution() -> None:
    assert [step.record.execution for step in steps(told().view, 2)] == [2, 1]


def test_every_value_names_who_said_so() -> None:
    step = steps(told().view, 2)[0]
    assert {each.name: each.by for each in step.origins} == {"speed": "Ada <ada@example.org>", "mode": "project"}
    assert [reply.request for reply in step.asked] == ["0001-start.yaml"]


def test_a_result_that_was_taken_leads_to_where_it_was_made() -> None:
    story = told()
    story.ask(request="start", stage="b")
    record = story.ran()
    story.now(record.execution, cached=Cached(project="v", execution=2))
    assert [step.record.execution for step in steps(story.view, 3)] == [3, 2, 1]


def test_a_digest_is_found_wherever_it_is_named() -> None:
    snapshot = fleet(told(), node("n1"))
    assert named_by(snapshot, "m1") == [("v", 1, "its result")]
    assert named_by(snapshot, "m9") == []


def test_G3_a_join_comes_from_every_stage_that_it_needs() -> None:
    stages = "{name: a, image: i}, {name: b, image: i, needs: []}, {name: c, image: i, needs: [a, b]}"
    story = started(f"name: p\nstages: [{stages}]\n")
    for _ in range(3):
        story.ran()
    assert [step.record.stage for step in steps(story.view, 3)] == ["c", "a", "b"]
