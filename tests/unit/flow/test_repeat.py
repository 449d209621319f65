"""A stage that runs again on its own result, until what it gave is good enough."""

import pytest

from flow.model.replay import Change, ChangedRecord, judge
from flow.status.states import stale
from schema.errors import DocumentError
from schema.execution import Execution, State
from schema.reasons import End, Wait
from tests.unit.flow.builders import pipeline, started

FITTING = """
name: p
inputs: {limit: {type: number, default: 5}}
stages:
  - {name: first, image: i}
  - {name: fit, image: i, retry: {max: 1, when: [exit_code]}, repeat: {until: "values.switches < inputs.limit", max: 3}}
  - {name: last, image: i, command: [run, "$[[ stages.fit.values.switches ]]"]}
"""


def test_a_stage_goes_on_from_its_own_result_until_the_condition_holds() -> None:
    story = started(FITTING)
    story.ran()
    assert story.steps.slots[0].source == 1
    story.ran(values={"switches": 9})
    [slot] = story.steps.slots
    assert (slot.name, slot.source, slot.attempt) == ("fit", 2, 2)
    assert story.steps.sources == (2,) or 2 in story.steps.sources
    story.ran(values={"switches": 3})
    [slot] = story.steps.slots
    assert (slot.name, slot.source) == ("last", 3)
    assert slot.scope.values["fit"]["switches"] == 3
    assert stale(story.view) == frozenset()


def test_it_ends_after_so_many_runs_and_says_that_the_condition_does_not_hold() -> None:
    story = started(FITTING)
    story.ran()
    for _ in range(3):
        story.ran(values={"switches": 9})
    assert story.wanted == ["last"]
    standing = story.steps.standing("fit")
    assert standing.text == "ran 3 times, and still not: stages.fit.values.switches (9) < inputs.limit (5)"


def test_a_failure_in_between_is_tried_again_on_the_last_result() -> None:
    story = started(FITTING)
    story.ran()
    story.ran(values={"switches": 9})
    story.ran(State.FAILED, End.EXIT_CODE)
    [slot] = story.steps.slots
    assert (slot.name, slot.source, slot.after_failure) == ("fit", 2, 3)
    story.ran(State.FAILED, End.EXIT_CODE)
    assert story.steps.wait.reason is Wait.FAILED


def test_a_value_that_is_missing_is_named_and_a_redo_begins_anew() -> None:
    story = started(FITTING)
    story.ran()
    story.ran(values={"other": 9})
    wait = story.steps.wait
    assert (wait.reason, wait.stage) == (Wait.INVALID, "fit")
    assert "'fit' has given no value 'switches'" in wait.text
    story.ask(request="start", stage="fit", inputs={"limit": 100})
    [slot] = story.steps.slots
    assert (slot.name, slot.source) == ("fit", 1)
    story.ran(values={"switches": 9})
    assert story.wanted == ["last"]


def test_each_point_of_a_matrix_repeats_by_itself() -> None:
    text = FITTING.replace("max: 3}}", "max: 3}, parallel: {matrix: {limit: [5, 10]}}}").replace(
        'last, image: i, command: [run, "$[[ stages.fit.values.switches ]]"]', "last, image: i"
    )
    story = started(text)
    story.ran()
    story.ran(of="fit.1", values={"switches": 9})
    story.ran(of="fit.2", values={"switches": 9})
    assert [(slot.name, slot.source) for slot in story.steps.slots] == [("fit.1", 2)]


@pytest.mark.parametrize(
    ("repeat", "told"),
    [
        ("{until: 'values.x <'}", "it ends where a name or a value is wanted"),
        ("{until: 'x < 5'}", "'x' is neither a value nor a name"),
        ("{until: 'inputs.nope', max: 2}", ""),
        ("{until: 'values.x < 5', max: 0}", "at least 1 is wanted"),
        ("{max: 3}", "the key 'until' is missing"),
    ],
)
def test_what_is_wrong_with_a_repetition_is_told(repeat: str, told: str) -> None:
    text = f"name: p\nstages:\n  - {{name: a, image: i, repeat: {repeat}}}\n"
    if not told:
        from flow.project.pipeline_checks import is_mistaken

        assert is_mistaken(pipeline(text))
        return
    with pytest.raises(DocumentError) as error:
        pipeline(text)
    assert told in str(error.value)


def test_a_run_goes_on_from_another_and_no_two_from_the_same() -> None:
    story = started(FITTING)
    story.ran()
    runs = [story.ran(values={"switches": 9}) for _ in range(3)]
    assert [run.workspace.source for run in runs] == [1, 2, 3]

    def judged(after: Execution, *accepted: Execution) -> bool:
        before = after.model_copy(update={"state": State.RUNNING, "result": None})
        change = Change(
            "c", "n1", "node n1", (ChangedRecord("projects/v/executions/x", "b", before, after),), accepted=accepted
        )
        return judge(change) is None

    assert judged(runs[1], runs[0])
    assert judged(runs[2], *runs[:2])
    twin = runs[1].model_copy(update={"execution": 9})
    assert not judged(twin, *runs[:2])  # from the same result as another
    beside = runs[0].model_copy(update={"execution": 9})
    assert not judged(beside, runs[0])
