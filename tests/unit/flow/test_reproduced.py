"""What comes out the same changes nothing of where a project stands."""

import pytest

from flow.status.states import project_state, stage_states, stale
from schema.execution import State
from schema.reasons import End
from tests.unit.flow.builders import Story, fleet, node, started

SAME = {"manifest": "blake3:1", "values": {"cars": 7}}


def done() -> Story:
    """detect, an answered gate, track, report."""
    story = started()
    story.ran(**SAME)
    story.ask(request="answer", inputs={"keep": True})
    story.ran(manifest="blake3:2")
    story.ran(manifest="blake3:3")
    return story


def states(story: Story) -> tuple[str, list[str]]:
    snapshot = fleet(story, node("n1"))
    return project_state(snapshot, story.view).state, [each.state for each in stage_states(snapshot, story.view)]


def again(story: Story, **result: object) -> None:
    """As `winslowctl reproduce` asks for it."""
    assert story.ask(request="start", stage="detect", then="pause", fresh=True).accepted
    story.ran(**result)


def test_a_stage_that_is_reproduced_with_the_same_bytes_leaves_the_project_done_and_nothing_stale() -> None:
    story = done()
    assert states(story) == ("succeeded", ["succeeded"] * 4)
    again(story, **SAME)
    assert states(story) == ("succeeded", ["succeeded"] * 4)
    assert not stale(story.view)
    again(story, **SAME)
    assert states(story) == ("succeeded", ["succeeded"] * 4)


@pytest.mark.parametrize(
    "other", [{**SAME, "manifest": "blake3:9"}, {**SAME, "values": {"cars": 8}}, {**SAME, "metrics": {"f1": 0.5}}, {}]
)
def test_one_that_comes_out_otherwise_or_nobody_knows_how_pauses_and_outdates(other: dict[str, object]) -> None:
    story = done()
    again(story, **other)
    state, stages = states(story)
    assert state == "paused"
    assert stages[2:] == ["stale", "stale"]


def test_a_redo_that_comes_out_the_same_outdates_nothing_but_is_a_chain_like_any() -> None:
    story = done()
    assert story.ask(request="start", stage="detect", then="pause").accepted
    story.ran(**SAME)
    assert states(story)[0] == "paused"
    assert not stale(story.view)


def test_a_project_that_was_not_done_is_as_paused_as_it_says() -> None:
    story = started()
    story.ran(**SAME)
    again(story, **SAME)
    assert states(story)[0] == "paused"


def test_one_that_fails_is_seen() -> None:
    story = done()
    assert story.ask(request="start", stage="detect", then="pause", fresh=True).accepted
    story.ran(State.FAILED, End.OOM_KILLED)
    assert states(story)[0] == "failed"
