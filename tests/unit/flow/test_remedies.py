"""Each wait and failure names the command that helps (N4, T7)."""

from collections.abc import Callable

import pytest

from flow.status.remedies import remedy
from flow.status.states import project_state
from schema.execution import State
from schema.reasons import End
from tests.unit.flow import test_states as stories
from tests.unit.flow.builders import Story, fleet, node, started


def missing_input() -> Story:
    story = started(stories.ONE % "")
    story.ran(State.FAILED, End.INVALID_INPUT)
    return story


@pytest.mark.parametrize(
    ("make", "command"),
    [
        (Story, "winslowctl start v"),
        (stories.at_the_gate, "winslowctl answer v"),
        (stories.lacking_an_input, "winslowctl answer v --input speed=…"),
        (stories.paused, "winslowctl resume v"),
        (stories.rejected, "winslowctl redo v --stage "),
        (stories.failed, "winslowctl logs v/1, then winslowctl resume v"),
        (missing_input, "winslowctl files ls pool: --node n1, then winslowctl resume v"),
        (stories.offline, "winslowctl nodes"),
    ],
)
def test_a_wait_names_the_command_that_helps(make: Callable[[], Story], command: str) -> None:
    story = make()
    now = project_state(fleet(story, node("n1")), story.view)
    assert remedy(story.view, now).startswith(command.replace(" v", f" {story.view.id}"))


def test_while_a_request_waits_for_its_reply_nothing_else_has_to_be_typed() -> None:
    story = Story().pending({"request": "start"})
    assert remedy(story.view, project_state(fleet(story), story.view)) == ""


def test_a_rejected_start_is_the_reason_of_a_project_that_never_ran() -> None:
    story = Story()
    story.ask(request="start", inputs={"nonsense": 1})
    text = project_state(fleet(story), story.view).text
    assert "0001-start.yaml was rejected: UnknownInput: " in text


def test_T7_who_asked_for_what_is_seen_until_the_reply() -> None:
    story = Story().pending({"request": "start"})
    assert "(start by Ada)" in project_state(fleet(story), story.view).text
