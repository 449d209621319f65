"""What a project wants next, told as stories."""

from flow.fold.interpolation import command
from schema.execution import State
from schema.reasons import End, Wait
from tests.unit.flow.builders import Story


def until_review(**start: object) -> Story:
    story = Story()
    story.ask(request="start", **start)
    story.ran()
    return story


def test_a_new_project_waits_to_be_started() -> None:
    assert Story().steps.wait.reason is Wait.NOT_STARTED


def test_R1410_a_start_wants_the_first_stage_on_an_empty_workspace() -> None:
    story = Story()
    assert story.ask(request="start").accepted
    assert (story.steps.run.stage.name, story.steps.run.attempt, story.steps.run.source) == ("detect", 1, None)


def test_R1410_a_stage_can_be_started_and_paused_after() -> None:
    story = Story()
    story.ask(request="start", stage="detect", then="pause")
    story.ran()
    assert (story.steps.wait.reason, story.steps.wait.stage) == (Wait.PAUSE_REQUESTED, "review")


def test_a_running_stage_leaves_nothing_to_do() -> None:
    story = Story()
    story.ask(request="start")
    story.ran(State.RUNNING)
    assert story.steps.run is None
    assert story.steps.wait is None
    assert story.steps.running.execution == 1


def test_M1_a_gate_waits_for_a_person_with_its_inputs() -> None:
    wait = until_review().steps.wait
    assert (wait.reason, wait.stage, list(wait.asks)) == (Wait.MANUAL_APPROVAL, "review", ["keep"])


def test_M1_an_answer_lets_it_go_on_with_values_and_workspace() -> None:
    story = until_review()
    assert story.ask(request="answer", inputs={"keep": True}).accepted
    slot = story.steps.run
    assert (slot.stage.name, slot.source) == ("track", 1)
    assert command(slot.stage, slot.scope) == ("run", "1", "7")


def test_keep_false_rejects_and_the_chain_stops() -> None:
    story = until_review()
    story.ask(request="answer", inputs={"keep": False})
    assert (story.steps.wait.reason, story.steps.wait.stage) == (Wait.REJECTED, "review")


def test_a_rejected_gate_asks_again_after_resume() -> None:
    story = until_review()
    story.ask(request="answer", inputs={"keep": False})
    story.ask(request="resume")
    assert story.steps.wait.reason is Wait.MANUAL_APPROVAL


def test_R1420_a_pause_stops_before_the_next_slot_and_resume_goes_on() -> None:
    story = Story()
    story.ask(request="start")
    story.ran(State.RUNNING)
    story.ask(request="pause")
    story.ask(request="answer", inputs={})  # nothing is asked yet
    story.now(1, state=State.SUCCEEDED)
    assert story.steps.wait.reason is Wait.MANUAL_APPROVAL
    story.ask(request="answer", inputs={})
    assert (story.steps.wait.reason, story.steps.wait.stage) == (Wait.PAUSE_REQUESTED, "track")
    story.ask(request="resume")
    assert story.steps.run.stage.name == "track"


def test_R1430_resume_from_another_stage_with_other_parameters() -> None:
    story = until_review()
    story.ask(request="resume", stage="detect", inputs={"speed": 3})
    slot = story.steps.run
    assert (slot.stage.name, slot.scope.inputs["speed"], slot.source) == ("detect", 3, None)


def test_a_gate_asks_again_for_what_was_made_anew() -> None:
    story = until_review()
    story.ask(request="answer", inputs={})
    story.ran()
    story.ask(request="resume", stage="detect")
    story.ran()
    assert story.steps.wait.reason is Wait.MANUAL_APPROVAL


def test_a_failure_pauses_and_resume_tries_the_failed_stage_again() -> None:
    story = until_review()
    story.ask(request="answer", inputs={})
    story.ran(State.FAILED, End.EXIT_CODE, exit_code=1)
    assert (story.steps.wait.reason, story.steps.wait.stage, story.steps.wait.execution) == (Wait.FAILED, "track", 2)
    story.ask(request="resume")
    assert (story.steps.run.stage.name, story.steps.run.source) == ("track", 1)


def test_retry_grants_max_attempts_for_the_program_only() -> None:
    story = Story()
    story.ask(request="start")
    for attempt in (1, 2):
        story.ran(State.FAILED, End.EXIT_CODE, exit_code=1)
        assert story.steps.run.attempt == attempt + 1
    story.ran(State.FAILED, End.INFRASTRUCTURE)
    assert story.steps.run.attempt == 4
    story.ran(State.FAILED, End.EXIT_CODE, exit_code=1)
    assert story.steps.wait.reason is Wait.FAILED


def test_a_lost_execution_is_replaced_and_its_node_shunned() -> None:
    story = Story()
    story.ask(request="start")
    story.ran(State.LOST)
    slot = story.steps.run
    assert (slot.replaces, slot.attempt, slot.shun) == (1, 2, frozenset({"n1"}))


def test_the_third_loss_fails_the_slot() -> None:
    story = Story()
    story.ask(request="start")
    for _ in range(3):
        story.ran(State.LOST)
    assert story.steps.wait.reason is Wait.FAILED
    assert End.NODE_LOST in story.steps.wait.text


def test_a_stage_that_is_not_retried_waits_for_its_node() -> None:
    story = until_review()
    story.ask(request="answer", inputs={})
    story.ran()  # track has the default retry, report too: use a stage without
    lonely = Story("name: p\nstages: [{name: only, image: i, retry: {when: [infrastructure]}}]\n")
    lonely.ask(request="start")
    lonely.ran(State.LOST)
    assert lonely.steps.wait.reason is Wait.NODE_OFFLINE


def test_R1440_an_abort_counts_as_failed_and_pauses() -> None:
    story = Story()
    story.ask(request="start")
    story.ran(State.ABORTED, End.ABORTED)
    assert story.steps.wait.reason is Wait.FAILED


def test_skip_counts_as_success_without_result() -> None:
    story = until_review()
    story.ask(request="skip", stage="review")
    assert story.steps.run.stage.name == "track"


def test_M2_a_redo_builds_on_what_the_stage_was_built_on() -> None:
    story = until_review()
    story.ask(request="answer", inputs={})
    story.ran()
    story.ran()
    assert story.steps.wait.reason is Wait.DONE
    story.ask(request="start", stage="track", inputs={"speed": 5})
    slot = story.steps.run
    assert (slot.stage.name, slot.source, slot.scope.inputs["speed"], slot.chain) == ("track", 1, 5, 3)


def test_always_runs_after_a_failure_and_on_failure_only_then() -> None:
    text = """
name: p
stages:
  - {name: work, image: i}
  - {name: mend, image: i, when: on_failure}
  - {name: more, image: i}
  - {name: tidy, image: i, when: always}
"""
    story = Story(text)
    story.ask(request="start")
    story.ran(State.FAILED, End.EXIT_CODE, exit_code=1)
    assert [story.ran().stage, story.ran().stage] == ["mend", "tidy"]
    assert (story.steps.wait.reason, story.steps.wait.stage) == (Wait.FAILED, "work")
    good = Story(text)
    good.ask(request="start")
    assert [good.ran().stage for _ in range(3)] == ["work", "more", "tidy"]


def test_manual_once_asks_only_while_no_earlier_chain_answered() -> None:
    story = Story("name: p\nstages: [{name: ok, when: manual_once}, {name: work, image: i}]\n")
    story.ask(request="start")
    assert story.steps.wait.reason is Wait.MANUAL_APPROVAL
    story.ask(request="answer")
    story.ran()
    story.ask(request="start", stage="ok")
    assert story.steps.run.stage.name == "work"


def test_a_missing_input_is_asked_for_by_name() -> None:
    story = Story("name: p\ninputs: {video: {type: file}}\nstages: [{name: work, image: i}]\n")
    story.ask(request="start")
    assert (story.steps.wait.reason, list(story.steps.wait.asks)) == (Wait.INPUT_MISSING, ["video"])
    story.ask(request="answer", inputs={"video": "a/b.mp4"})
    assert story.steps.run.scope.inputs == {"video": "a/b.mp4"}
    assert story.steps.run.scope.shown("video") == "/pool/a/b.mp4"


def test_an_older_chain_that_still_runs_is_finished_but_not_continued() -> None:
    story = Story()
    story.ask(request="start")
    story.ran(State.RUNNING)
    story.ask(request="start", stage="report")
    assert story.steps.run.stage.name == "report"
    story.now(1, state=State.SUCCEEDED)
    assert story.steps.run.stage.name == "report"


def test_a_resume_builds_on_what_it_names_whatever_the_stages_before_left() -> None:
    story = Story()
    story.ask(request="start")
    story.ran()
    story.ask(request="answer", inputs={"keep": True})
    story.ran(State.FAILED, End.EXIT_CODE)
    changed = {"from": 1, "add": {"tracks.csv": "blake3:" + "a" * 64}}
    story.ask(request="resume", workspace=changed)
    slot = story.steps.run
    assert slot
    assert (slot.stage.name, slot.source) == ("track", 1)
    assert slot.changes
    assert set(slot.changes.add) == {"tracks.csv"}
    story.ran()
    after = story.steps.run
    assert after
    assert (after.source, after.changes) == (3, None), "later stages build on what it left"
