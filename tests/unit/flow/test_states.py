"""What people read of a project and its stages: one state, one reason code, and who could go on (M8)."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from flow.model.snapshot import Departure
from flow.status.states import StageState, project_state, stage_states, state_class
from schema.execution import State
from schema.reasons import End, Wait
from tests.unit.flow.builders import Story, fleet, node, started

ONE = "name: p\nstages:\n  - {name: only, image: i%s}\n"


def stages(story: Story, **more: object) -> dict[str, StageState]:
    snapshot = fleet(story, node("n1"), **more)
    return {each.stage: each for each in stage_states(snapshot, story.view)}


def words(story: Story) -> list[str]:
    return [each.state for each in stages(story).values()]


# -- each reason code, M8 ----------------------------------------------------------------------------------------------


def at_the_gate() -> Story:
    story = started()
    story.ran()
    return story


def lacking_an_input() -> Story:
    return started("name: p\ninputs: {speed: {type: number}}\nstages: [{name: only, image: i}]\n")


def paused() -> Story:
    story = started()
    story.ask(request="pause")
    return story


def rejected() -> Story:
    story = at_the_gate()
    story.ask(request="answer", inputs={"keep": False})
    return story


def failed() -> Story:
    story = started(ONE % "")
    story.ran(State.FAILED, End.OOM_KILLED)
    return story


def offline() -> Story:
    story = started(ONE % ", retry: {when: []}")
    story.ran(State.LOST)
    return story


def unusable() -> Story:
    story = started()
    story.view = replace(story.view, definition=None)
    return story


def backing_off() -> Story:
    story = started(ONE % ", retry: {max: 1, when: [exit_code], backoff: 30s}")
    story.ran(State.FAILED, End.EXIT_CODE)
    return story


@pytest.mark.parametrize(
    ("tell", "state", "reason", "stage", "could"),
    [
        (Story, "new", Wait.NOT_STARTED, None, ()),
        (started, "queued", Wait.ELECTION, "detect", ("n1",)),
        (at_the_gate, "needs_input", Wait.MANUAL_APPROVAL, "review", ()),
        (lacking_an_input, "needs_input", Wait.INPUT_MISSING, "only", ("n1",)),
        (paused, "paused", Wait.PAUSE_REQUESTED, "detect", ("n1",)),
        (rejected, "paused", Wait.REJECTED, "review", ()),
        (failed, "failed", Wait.FAILED, "only", ("n1",)),
        (offline, "queued", Wait.NODE_OFFLINE, "only", ("n1",)),
        (unusable, "invalid", Wait.INVALID, None, ()),
        (backing_off, "queued", Wait.BACKOFF, "only", ("n1",)),
    ],
)
def test_M8_a_project_that_waits_shows_one_code_and_who_could_go_on(
    tell: Callable[[], Story], state: str, reason: Wait, stage: str | None, could: tuple[str, ...]
) -> None:
    story = tell()
    now = project_state(fleet(story, node("n1")), story.view)
    assert (now.state, now.reason, now.stage, now.could) == (state, reason, stage, could)
    assert now.text


def test_M8_a_queued_project_says_why_no_node_takes_it() -> None:
    story = started()
    for nodes, reason, could in (
        ((), Wait.NO_MATCHING_NODE, ()),
        ((node("n1", drain=True),), Wait.DRAINING, ("n1",)),
        ((node("n1", slots=0), node("n2", drain=True)), Wait.RESOURCES, ("n1", "n2")),
        ((node("n1", slots=0), node("n2")), Wait.ELECTION, ("n1", "n2")),
    ):
        now = project_state(fleet(story, *nodes), story.view)
        assert (now.state, now.reason, now.could) == ("queued", reason, could)


def test_M8_a_node_that_is_not_admitted_is_named() -> None:
    story = started()
    now = project_state(fleet(story, node("n1"), join="approved"), story.view)
    assert now.reason is Wait.NO_MATCHING_NODE
    assert now.text.endswith("not admitted (nodes/<node>.yaml is missing): n1")


def test_M8_the_stage_that_waits_shows_the_code_of_its_project() -> None:
    told = stages(at_the_gate())
    assert (told["review"].state, told["review"].reason) == ("waiting", Wait.MANUAL_APPROVAL)
    assert [told[name].state for name in ("detect", "track", "report")] == ["succeeded", "pending", "pending"]
    assert stages(offline())["only"].state == "lost"
    assert stages(backing_off())["only"].text == "tried again after 30 s (could run on n1)"


def test_M8_a_stage_that_failed_by_losing_its_nodes_says_so() -> None:
    story = started()
    for _ in range(3):
        story.ran(State.LOST)
    told = stages(story)["detect"]
    assert (told.state, told.reason) == ("lost", Wait.FAILED)
    assert told.text == "NodeLost: lost 3 nodes in this chain (could run on n1)"


def test_a_failed_stage_shows_its_own_end() -> None:
    told = stages(failed())["only"]
    assert (told.state, told.reason, told.execution) == ("failed", End.OOM_KILLED, 1)


# -- running, done, deleted --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "shown"), [(State.CLAIMED, "queued"), (State.PREPARING, "preparing"), (State.RUNNING, "running")]
)
def test_a_project_with_something_that_runs_is_running(state: State, shown: str) -> None:
    story = started()
    story.ran(state)
    now = project_state(fleet(story, node("n1")), story.view)
    assert (now.state, now.reason, now.stage) == ("running", None, "detect")
    assert words(story)[0] == shown


def test_a_paused_project_runs_until_its_stage_ends() -> None:
    story = started()
    story.ran(State.RUNNING)
    story.ask(request="pause")
    assert project_state(fleet(story), story.view).state == "running"
    story.now(1, state=State.SUCCEEDED)
    assert project_state(fleet(story), story.view).state == "needs_input"  # a gate comes first: it needs no node


def test_an_aborted_stage_leaves_its_project_paused() -> None:
    story = started()
    story.ran(State.ABORTED, End.ABORTED)
    told = stages(story)["detect"]
    assert (told.state, told.reason, state_class(told.state)) == ("aborted", End.ABORTED, "FAILED")
    assert project_state(fleet(story), story.view).state == "failed"


def test_a_finished_project_shows_its_last_execution() -> None:
    story = finished()
    now = project_state(fleet(story), story.view)
    assert (now.state, now.reason, now.stage) == ("succeeded", None, None)
    assert now.execution
    assert now.execution.execution == 3
    assert words(story) == ["succeeded"] * 4


def test_a_skipped_stage_is_shown_as_such() -> None:
    story = at_the_gate()
    story.ask(request="skip", stage="review")
    assert words(story) == ["succeeded", "skipped", "queued", "pending"]


def test_a_deleted_project_says_who_and_what_to_do() -> None:
    story = Story()
    story.view = replace(story.view, deletion=Departure("c" * 40, "Ada"), project=None)
    now = project_state(fleet(story), story.view)
    assert (now.state, now.reason) == ("invalid", Wait.DELETED)
    assert now.text == "deleted by Ada; restore its project.yaml to keep it"


def test_a_new_project_without_its_pipeline_says_which() -> None:
    story = Story()
    story.view = replace(story.view, pipeline=None)
    now = project_state(fleet(story), story.view)
    assert (now.state, now.reason, now.text) == ("invalid", Wait.INVALID, "there is no pipeline 'p'")
    assert stage_states(fleet(story), story.view) == []


def test_a_damaged_project_says_what_is_damaged() -> None:
    story = finished()
    story.view = replace(story.view, damage="replies/0001.yaml:1:1: no reply")
    now = project_state(fleet(story), story.view)
    assert (now.state, now.reason, now.text) == ("invalid", Wait.INVALID, "replies/0001.yaml:1:1: no reply")


def test_requests_without_an_answer_are_mentioned() -> None:
    story = Story().pending({"request": "start"})
    assert "; 1 request is not answered yet" in project_state(fleet(story), story.view).text
    story.pending({"request": "start"}, {"request": "pause"})
    assert "2 requests are not answered yet" in project_state(fleet(story), story.view).text


# -- stale, M2 ---------------------------------------------------------------------------------------------------------


def finished() -> Story:
    story = at_the_gate()
    story.ask(request="answer", inputs={"keep": True})
    story.ran()
    story.ran()
    return story


def test_M2_what_was_built_on_a_redone_result_is_stale_once_there_is_a_new_one() -> None:
    story = finished()
    story.ask(request="start", stage="detect")
    assert words(story) == ["queued", "pending", "succeeded", "succeeded"]
    story.ran(State.RUNNING)
    assert words(story) == ["running", "pending", "succeeded", "succeeded"]
    story.now(4, state=State.SUCCEEDED)
    assert words(story) == ["succeeded", "waiting", "stale", "stale"]
    story.ask(request="answer", inputs={"keep": True})
    story.ran()
    assert words(story) == ["succeeded", "succeeded", "succeeded", "queued"]
    story.ran(State.RUNNING)
    assert words(story) == ["succeeded", "succeeded", "succeeded", "running"]


def test_M2_a_failed_redo_makes_nothing_stale() -> None:
    story = finished()
    story.ask(request="start", stage="track")
    story.ran(State.FAILED, End.TIMEOUT)
    assert words(story) == ["succeeded", "succeeded", "failed", "succeeded"]


def test_every_state_belongs_to_one_of_four() -> None:
    assert {state_class(state) for state in ("running", "waiting", "stale", "lost")} == {
        "RUNNING",
        "PAUSED",
        "SUCCEEDED",
        "FAILED",
    }
