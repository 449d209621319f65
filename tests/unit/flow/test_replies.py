"""Requests and their replies."""

import pytest

from flow.project.replies import pending_abort
from schema.execution import State
from schema.reasons import Refusal, Wait
from tests.unit.flow.builders import Story

START = {"request": "start"}


@pytest.mark.parametrize(
    ("wish", "reason", "word"),
    [
        ({"request": "start", "stage": "detct"}, Refusal.UNKNOWN_STAGE, "did you mean 'detect'?"),
        ({"request": "start", "inputs": {"sped": 1}}, Refusal.UNKNOWN_INPUT, "did you mean 'speed'?"),
        ({"request": "start", "inputs": {"speed": "fast"}}, Refusal.INVALID_INPUT, "speed: a number is wanted"),
        ({"request": "start", "inputs": {"speed": 99}}, Refusal.INVALID_INPUT, "speed: at most 9"),
        ({"request": "start", "workspace": {"from": 4}}, Refusal.UNKNOWN_EXECUTION, "execution 4 does not exist"),
        ({"request": "resume"}, Refusal.NOTHING_TO_RESUME, "never started"),
        ({"request": "pause"}, Refusal.NOTHING_RUNNING, "never started"),
        ({"request": "abort"}, Refusal.NOTHING_RUNNING, "nothing runs"),
        ({"request": "abort", "execution": 3}, Refusal.UNKNOWN_EXECUTION, "no execution 3"),
        ({"request": "answer"}, Refusal.NOTHING_ASKED, "never started"),
    ],
)
def test_M1_a_refusal_names_what_is_wrong(wish: dict[str, object], reason: Refusal, word: str) -> None:
    reply = Story().ask(**wish)
    assert (reply.verdict, reply.reason) == ("rejected", reason)
    assert word in reply.text


def test_M1_a_wrong_type_in_an_answer_is_refused_with_the_fields_name() -> None:
    story = Story()
    story.ask(request="start")
    story.ran()
    reply = story.ask(request="answer", inputs={"keep": "maybe"})
    assert (reply.reason, reply.text) == (Refusal.INVALID_INPUT, "keep: true or false is wanted, not 'maybe'")
    assert story.steps.wait.reason is Wait.MANUAL_APPROVAL


def test_replies_are_numbered_in_one_order_and_carry_a_copy() -> None:
    story = Story().pending(START, {"request": "pause", "comment": "lunch"}, {"request": "skip", "stage": "review"})
    replies = story.replies()
    assert [(reply.seq, reply.kind, reply.accepted) for reply in replies] == [
        (1, "start", True),
        (2, "pause", True),
        (3, "skip", True),
    ]
    assert replies[1].asked == {"request": "pause", "comment": "lunch"}
    assert replies[1].by == "Ada <ada@example.org>"


def test_ten_requests_at_once_are_all_answered() -> None:
    wishes = [START, *[{"request": "pause"}, {"request": "resume"}] * 4, {"request": "answer"}]
    assert len(Story().pending(*wishes).replies()) == 10


def test_F15_an_abort_waits_for_the_end_and_holds_up_what_was_asked_after() -> None:
    story = Story()
    story.ask(request="start")
    story.ran(State.RUNNING)
    story.pending({"request": "pause"}, {"request": "abort"}, {"request": "resume"})
    assert [reply.kind for reply in story.replies()] == ["pause"]
    assert pending_abort(story.view) == 1


def test_F15_an_abort_that_comes_too_late_pauses_and_never_hits_the_next_one() -> None:
    story = Story()
    story.ask(request="start")
    story.ran()
    story.ask(request="answer", inputs={})
    story.ran(State.RUNNING)
    reply = story.ask(request="abort", execution=1)
    assert (reply.verdict, reply.reason) == ("rejected", Refusal.ALREADY_ENDED)
    assert story.steps.chain.paused
    assert story.steps.active[0].execution == 2


def test_M1_an_answer_to_another_stage_than_the_one_that_asks_is_refused() -> None:
    story = Story()
    story.ask(request="start")
    story.ran()
    reply = story.ask(request="answer", stage="track", inputs={"keep": True})
    assert (reply.verdict, reply.reason) == ("rejected", Refusal.NOTHING_ASKED)
    assert reply.text == "stage 'review' asks, not 'track'"
    assert story.ask(request="answer", stage="review", inputs={"keep": True}).accepted


def test_start_without_a_stage_begins_where_the_project_stands() -> None:
    story = Story()
    story.ask(request="start")
    story.ran()
    story.ask(request="answer", inputs={})
    story.ran(State.FAILED)
    assert story.ask(request="start").stage == "track"
    story.ran()
    story.ran()
    assert story.ask(request="start").stage == "detect"
