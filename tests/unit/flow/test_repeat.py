"""A stage that runs again on its own result, until what it gave is good enough."""

import pytest

from flow.model.replay import Change, ChangedRecord, judge
from flow.status.states import stale
from schema.errors import DocumentError
from schema.execution import Execution, State
from schema.reasons import End, Wait
from tests.unit.flow.builders import Story, pipeline, started

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


def test_each_run_of_a_repetition_has_a_retry_budget_of_its_own() -> None:
    story = started(FITTING.replace("max: 1,", "max: 1, backoff: 30s,"))
    story.ran()
    for _ in range(2):
        story.ran(State.FAILED, End.EXIT_CODE)
        [slot] = story.steps.slots
        assert (slot.name, slot.backoff > 0) == ("fit", True)
        story.ran(values={"switches": 9})
    [slot] = story.steps.slots
    assert (slot.source, slot.backoff, slot.after_failure) == (5, 0.0, None)  # nothing of this run has failed yet
    story.ran(State.FAILED, End.EXIT_CODE)
    assert story.steps.slots[0].backoff == 30.0
    story.ran(State.FAILED, End.EXIT_CODE)
    assert story.steps.wait.reason is Wait.FAILED


def test_each_run_of_a_repetition_may_lose_as_many_nodes_as_any_other() -> None:
    story = started(FITTING.replace("[exit_code]", "[exit_code, node_lost]"))
    story.ran()
    for _ in range(2):
        for _ in range(2):
            story.ran(State.LOST)
        story.ran(values={"switches": 9})
    [slot] = story.steps.slots
    assert (slot.name, slot.shun) == ("fit", frozenset())


def test_a_resume_goes_on_with_the_run_that_failed_and_its_successes_count() -> None:
    story = failed_in_its_second_run()
    assert 2 in story.steps.sources  # the result of the first run is kept for it
    for _ in range(2):  # and once more, with nothing that succeeded in between
        assert story.ask(request="resume").accepted
        [slot] = story.steps.slots
        assert (slot.name, slot.source, slot.after_failure) == ("fit", 2, None)
        for _ in range(2):
            story.ran(State.FAILED, End.EXIT_CODE)
    story.ask(request="resume")
    story.ran(values={"switches": 9})
    story.ran(values={"switches": 9})
    assert story.wanted == ["last"]
    assert story.steps.standing("fit").text.startswith("ran 3 times, and still not")


def test_a_resume_after_a_pause_between_two_runs_goes_on_from_the_last_result() -> None:
    story = started(FITTING)
    story.ran()
    story.ran(values={"switches": 9})
    story.ask(request="pause")
    assert story.steps.wait.reason is Wait.PAUSE_REQUESTED
    story.ask(request="resume")
    assert [(slot.name, slot.source) for slot in story.steps.slots] == [("fit", 2)]


def test_points_that_failed_in_a_repetition_go_on_each_from_its_own_result() -> None:
    story = started(FITTING.replace("max: 3}}", "max: 3}, parallel: {matrix: {limit: [1, 2]}}}"))
    story.ran()
    for name in ("fit.1", "fit.2"):
        story.ran(of=name, values={"switches": 9})
        for _ in range(2):
            story.ran(State.FAILED, End.EXIT_CODE, of=name)
    assert story.steps.wait.reason is Wait.FAILED
    story.ask(request="resume")
    assert [(slot.name, slot.source) for slot in story.steps.slots] == [("fit.1", 2), ("fit.2", 5)]


def test_what_is_redone_below_a_repetition_reads_its_last_run() -> None:
    story = started(FITTING)
    story.ran()
    story.ran(values={"switches": 9})
    story.ran(values={"switches": 3})
    story.ran()
    story.ask(request="start", stage="last")
    [slot] = story.steps.slots
    assert (slot.name, slot.source, slot.scope.values["fit"]["switches"]) == ("last", 3, 3)


def test_a_redo_and_a_resume_that_names_a_workspace_begin_where_they_say() -> None:
    story = failed_in_its_second_run()
    story.ask(request="resume", workspace={"from": 1})
    assert story.steps.slots[0].source == 1
    story.ran(values={"switches": 9})
    story.ran(values={"switches": 9})
    story.ask(request="start", stage="fit")  # its newest execution was built on a run of its own
    assert [(slot.name, slot.source) for slot in story.steps.slots] == [("fit", 1)]


def test_what_is_changed_of_a_workspace_is_changed_once() -> None:
    story = started(FITTING)
    story.ran()
    story.ran(State.FAILED, End.TIMEOUT)
    story.ask(request="resume", workspace={"from": 1, "add": {"start.csv": "blake3:" + "a" * 64}})
    assert story.steps.slots[0].changes
    story.ran(values={"switches": 9})
    [slot] = story.steps.slots
    assert (slot.source, slot.changes) == (3, None)


def test_a_repetition_that_has_begun_goes_on_whatever_its_condition_would_say_by_then() -> None:
    """Another branch's answer changes the input; only a request that puts the chain there looks at it anew."""
    asks = "  - {name: asks, when: manual, needs: [first], inputs: {limit: {type: number, default: 5}}}\n"
    begun = '  - {name: fit, needs: [first], if: "inputs.limit > 1",'
    story = started(FITTING.replace("  - {name: fit,", asks + begun))
    story.ran()
    story.ran(values={"switches": 9})
    assert story.ask(request="answer", stage="asks", inputs={"limit": 0}).accepted
    assert story.wanted == ["fit"]
    story.ask(request="pause")
    story.ask(request="resume")
    assert (story.wanted, story.steps.standing("fit").status) == ([], "skipped")


def failed_in_its_second_run() -> Story:
    story = started(FITTING)
    story.ran()
    story.ran(values={"switches": 9})
    for _ in range(2):
        story.ran(State.FAILED, End.EXIT_CODE)
    assert story.steps.wait.reason is Wait.FAILED
    return story


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
