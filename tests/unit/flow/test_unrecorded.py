"""Which work has lost its record with commits of a branch, and what is said of it."""

from dataclasses import replace

import pytest

from flow.node.unrecorded import lost_work
from schema.execution import State
from tests.unit.flow.builders import started
from tests.unit.flow.test_held_claims import ONE, an_end, claim


def test_F11_work_without_a_record_is_named_with_how_it_ended_and_how_to_have_it_again() -> None:
    story = started(ONE)
    entry = claim(story).entry.model_copy(update={"phase": "started"})
    text = lost_work(story.view, entry, an_end(), "n1")
    assert text.startswith(
        "the record of v/1 (only) was lost with commits of winslow/state, and is not there: it ended"
    )
    assert "(succeeded)" in text
    assert text.endswith("winslowctl redo v --stage only")
    assert "had not ended" in lost_work(story.view, entry, None, "n1")


@pytest.mark.parametrize(("node", "said"), [("n2", True), ("n1", False)])
def test_F11_a_number_that_another_node_has_now_is_lost_and_one_of_its_own_is_not(node: str, said: bool) -> None:
    story = started(ONE)
    taken = claim(story)
    entry = taken.entry.model_copy(update={"phase": "started"})
    theirs = taken.record.claim.model_copy(update={"node": node, "id": "9" * 32})
    view = replace(story.view, executions=(taken.record.model_copy(update={"claim": theirs, "state": State.RUNNING}),))
    assert ("is n2's" in lost_work(view, entry, None, "n1")) == said


def test_a_claim_that_was_never_started_or_a_project_that_is_gone_is_nothing_to_tell() -> None:
    story = started(ONE)
    entry = claim(story).entry
    assert lost_work(story.view, entry, None, "n1") == ""
    assert lost_work(None, entry.model_copy(update={"phase": "started"}), None, "n1") == ""
