"""M14: reasons that another version wrote are kept as they are, and decide nothing here."""

import pytest
from pydantic import ValidationError

from flow.fold.attempts import granted
from schema.execution import Execution
from schema.pipeline import Stage
from schema.reasons import NO_FAULT, TRIGGERS, End
from schema.reply import Reply

RECORD = """{"execution": 3, "stage": "one", "chain": 1, "request": "0001-start.yaml", "state": "failed",
"reason": "%s", "claim": {"id": "ID", "container": "ID", "node": "n1", "incarnation": "i"}}""".replace("ID", "a" * 32)


def test_M14_a_reason_of_a_newer_version_is_read_shown_and_written_again() -> None:
    record = Execution.model_validate_json(RECORD % "Evicted")
    assert str(record.reason) == "Evicted"
    assert '"reason":"Evicted"' in record.model_dump_json()
    assert record == Execution.model_validate_json(record.model_dump_json(by_alias=True))


def test_M14_it_is_none_that_this_version_knows_so_nothing_is_tried_again_by_it() -> None:
    record = Execution.model_validate_json(RECORD % "Evicted")
    assert record.reason not in set(End)
    assert record.reason not in NO_FAULT.union(*TRIGGERS.values())
    stage = Stage.model_validate(
        {"name": "one", "image": "i", "command": ["x"], "retry": {"max": 9, "when": ["exit_code", "infrastructure"]}}
    )
    assert not granted(stage, [record], record)


def test_M14_a_refusal_of_a_newer_version_is_read_too() -> None:
    reply = Reply.model_validate(
        {"seq": 1, "request": "0001-start.yaml", "kind": "start", "verdict": "rejected", "reason": "TooMany"}
    )
    assert str(reply.reason) == "TooMany"


@pytest.mark.parametrize("word", ["", "no", "lower", "Two words", "A" * 41, "Evil\\nLine", "<b>"])
def test_S9_what_is_no_word_is_no_reason(word: str) -> None:
    with pytest.raises(ValidationError):
        Execution.model_validate_json(RECORD % word)
