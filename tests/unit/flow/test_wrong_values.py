"""Whatever a program gave as a value: the fold of its project waits in words, and never fails."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from flow.fold.next_stage import next_steps
from flow.fold.steps import Steps
from flow.reconcile.decide import decide
from schema.execution import Result
from schema.reasons import Wait
from tests.unit.flow.builders import Story, fleet, node, started
from tests.unit.flow.test_capacity import world

WATCHED = """
name: p
inputs: {limit: {type: number, default: 5}, size: {type: integer, default: 1}, name: {type: string, default: a}}
stages:
  - {name: give, image: i}
  - name: each
    image: i
    needs: [give]
    command: [run, "$[[ stages.give.values.x ]]"]
    parallel: {for_each: "$[[ stages.give.values.x ]]", as: AS}
  - {name: less, image: i, needs: [give], if: stages.give.values.x < inputs.limit}
  - {name: plain, image: i, needs: [give], if: stages.give.values.x}
  - {name: fit, image: i, needs: [give], repeat: {until: "values.x == stages.give.values.x or values.y > 2", max: 3}}
  - name: try
    image: i
    needs: [give]
    parallel:
      search:
        {method: METHOD, trials: 3, objective: {metric: x}, space: {size: {min: 1, max: 4}, limit: {min: 0, max: 1}}}
  - {name: last, image: i, needs: [each, fit, try], command: ["$[[ stages.each.values.x ]]"]}
"""
HUGE = 10**400
ODD = st.sampled_from([None, HUGE, -HUGE, "9" * 5000])
LEAVES = st.one_of(ODD, st.booleans(), st.integers(), st.floats(), st.text(max_size=5))
NESTED = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=2),
    max_leaves=5,
)
LISTS = st.lists(LEAVES, max_size=3).map(json.dumps)
TEXTS = st.sampled_from(
    ["[" * 100_000, "[1, 2", "[]", "[NaN, Infinity]", "null", json.dumps(list(range(1001))), f"[{HUGE}]"]
)
VALUES = NESTED | LISTS | TEXTS
GIVEN = st.dictionaries(st.sampled_from(["x", "y"]), VALUES)


def folded(story: Story) -> Steps:
    """Without the net below it."""
    view = story.view
    return next_steps(view.definition, view.project, view.replies, view.executions)


@settings(deadline=None, max_examples=40)
@given(
    st.sampled_from(["limit", "size", "name", "free"]),
    st.sampled_from(["random", "tpe"]),
    st.lists(GIVEN, min_size=1, max_size=12),
)
def test_whatever_programs_give_the_fold_says_what_comes_next(
    name: str, method: str, given: list[dict[str, object]]
) -> None:
    story = started(WATCHED.replace("AS", name).replace("METHOD", method))
    for values in given:
        wanted = folded(story).slots
        if not wanted:
            break
        slot = wanted[-1]
        record = story.ran(of=slot.name)
        result = Result.model_construct(values=values, metrics={}, exit_code=0, manifest=None)
        story.now(record.execution, result=result, inputs=dict(slot.scope.inputs))
    steps = folded(story)
    assert all(wait.text for wait in steps.waits)
    assert "fault in Winslow" not in str(story.steps.waits)


def test_T1_what_one_project_was_given_holds_up_no_other() -> None:
    bad, good = started(WATCHED.replace("AS", "limit").replace("METHOD", "random")), started()
    bad.ran()
    bad.now(1, result=Result.model_construct(values={"x": f"[{HUGE}]"}, metrics={}, exit_code=0, manifest=None))
    [wait] = [wait for wait in folded(bad).waits if wait.stage == "each"]
    assert wait.reason is Wait.INVALID
    decision = decide(world(fleet({"bad": bad, "good": good}, node("n1", slots=9)), "n1"))
    assert decision.faults == ()
    assert {entry.order.project for entry in decision.grants} == {"bad", "good"}
