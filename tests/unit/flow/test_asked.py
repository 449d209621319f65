"""T7: what was accepted is seen with who and when until it has its effect; an answered gate says who, when and what."""

from dataclasses import replace

import pytest

from cli.ps import told
from flow.boards.project_board import project_board
from flow.boards.root_board import root_board
from flow.project.replies import answer
from flow.status.asked import answered
from flow.status.states import project_state, stage_states
from schema.execution import State
from schema.reasons import End, Wait
from tests.unit.flow.builders import Story, fleet, node, started

AT = "2026-03-01T09:30:00Z"


def ask(story: Story, **wish: object) -> None:
    """As `Story.ask`, at a time."""
    story.view = answer(story.view, replace(story.file(**wish), at=AT)).view


def state_of(story: Story) -> tuple[str, str | None, str]:
    now = project_state(fleet(story, node("n1")), story.view)
    return now.state, now.reason, now.text


@pytest.mark.parametrize(
    ("wish", "seen"),
    [
        ({"request": "pause"}, True),
        ({"request": "start", "then": "pause"}, False),  # another chain: this one is finished, and nothing follows
        ({"request": "resume"}, False),
    ],
)
def test_T7_an_accepted_pause_is_seen_while_the_stage_runs(wish: dict[str, object], seen: bool) -> None:
    story = started()
    story.ran(State.RUNNING)
    ask(story, **wish)
    words = ("running", Wait.PAUSE_REQUESTED, "pauses after detect, asked by Ada")
    assert state_of(story) == (words if seen else ("running", None, ""))


def test_T7_a_start_that_pauses_says_so_from_the_beginning() -> None:
    story = Story()
    ask(story, request="start", then="pause")
    story.ran(State.RUNNING)
    assert state_of(story) == ("running", Wait.PAUSE_REQUESTED, "pauses after detect, asked by Ada")
    ask(story, request="resume", stage="detect")
    assert state_of(story)[1] is None


def test_T7_a_pause_that_a_resume_took_back_is_not_seen() -> None:
    story = started()
    story.ran(State.RUNNING)
    ask(story, request="pause")
    ask(story, request="resume")
    assert state_of(story) == ("running", None, "")


DIAMOND = """
name: p
stages:
  - {name: cut, image: i}
  - {name: left, image: i, needs: [cut]}
  - {name: right, image: i, needs: [cut]}
  - {name: join, image: i, needs: [left, right]}
"""


def halves() -> Story:
    """Both branches run."""
    story = started(DIAMOND)
    story.ran()
    story.ran(State.RUNNING, of="left")
    story.ran(State.RUNNING, of="right")
    return story


def undo(story: Story) -> bool | None:
    now = project_state(fleet(story, node("n1")), story.view)
    return now.pauses and now.pauses.undo


def test_T7_an_abort_of_one_branch_is_no_pause_of_another() -> None:
    story = halves()
    story.view = answer(story.view, story.file(request="abort", execution=2), aborted=2).view
    story.now(2, state=State.ABORTED, reason=End.ABORTED)
    assert undo(story) is None
    assert "pauses" not in state_of(story)[2]


def test_T7_an_abort_that_came_too_late_pauses_what_runs_by_then() -> None:
    story = started(DIAMOND)
    story.ran()
    story.ran(State.RUNNING, of="left")
    ask(story, request="abort", execution=1)
    assert not story.view.replies[-1].accepted
    assert state_of(story)[2] == "pauses after left, asked by Ada"
    story.now(2, state=State.SUCCEEDED)
    assert story.wanted == []


def test_T7_a_pause_is_undone_by_a_resume_where_that_does_nothing_else() -> None:
    story = halves()
    assert undo(story) is None
    ask(story, request="pause")
    assert undo(story) is True
    assert "pauses after left, right, asked by Ada" in state_of(story)[2]
    assert "To take the pause back, commit" in project_board(fleet(story, node("n1")), story.view)
    runs = [(record.execution, record.state) for record in story.view.executions]
    undone = replace(story.view, replies=story.view.replies)
    ask(story, request="resume")
    assert [(record.execution, record.state) for record in story.view.executions] == runs
    assert (undo(story), story.wanted) == (None, [])
    story.view = undone
    story.now(2, state=State.FAILED, reason=End.EXIT_CODE)
    assert undo(story) is False  # a resume begins that one, too
    assert "To take the pause back" not in project_board(fleet(story, node("n1")), story.view)


def test_T7_boards_say_when_and_the_command_how_long_ago(monkeypatch: pytest.MonkeyPatch) -> None:
    story = started()
    story.ran(State.RUNNING)
    ask(story, request="pause")
    found = fleet(story, node("n1"))
    words = "pauses after detect, asked by Ada at 2026-03-01 09:30 UTC"
    assert words in root_board(found)
    assert words in project_board(found, story.view)
    monkeypatch.setattr("cli.ps.ages.since", lambda moment: 125.0)
    assert told(project_state(found, story.view)) == "PauseRequested: pauses after detect, asked by Ada 2 min ago"
    [detect] = [each for each in stage_states(found, story.view) if each.stage == "detect"]
    assert (detect.state, detect.reason) == ("running", Wait.PAUSE_REQUESTED)


def test_T7_an_answered_gate_says_by_whom_when_and_what() -> None:
    story = started()
    story.ran()
    assert answered(story.view, "review") == ""
    ask(story, request="answer", inputs={"keep": True})
    [review] = [each for each in stage_states(fleet(story), story.view) if each.stage == "review"]
    assert (review.state, review.text) == ("succeeded", "answered by Ada at 2026-03-01 09:30 UTC: keep=True")
