"""Documents as controllers write them: a stable order, nothing that says nothing, nothing lost."""

import pytest

from schema.documents import parse, render
from schema.execution import Claim, Execution, State, Tombstone
from schema.node import Inventory
from schema.project import Project
from schema.reply import Reply

CLAIM = Claim(id="a" * 32, container="b" * 32, node="n", incarnation="i")
EXECUTION = Execution.model_validate(
    {
        "execution": 1, "stage": "work", "chain": 1, "request": "0001-start.yaml", "state": State.CLAIMED,
        "claim": CLAIM, "inputs": {"a": 1.5, "b": "no", "c": [1, "12:30"], "d": None}, "workspace": {"from": 3},
        "later": {"unheard": ["of"]},
    }
)  # fmt: skip
DOCUMENTS = {
    "execution": EXECUTION,
    "reply": Reply(seq=1, request="0001-start.yaml", kind="start", verdict="accepted", base=None),
    "tombstone": Tombstone(last_seq=3),
    "inventory": Inventory.model_validate({"node": "n", "incarnation": "i", "memory": 1 << 40, "colour": "blue"}),
    "project": Project(pipeline="p", tags=("a", "b"), inputs={"x": "yes"}),
}


@pytest.mark.parametrize("kind", DOCUMENTS)
def test_M14_what_is_written_is_read_back_with_unknown_fields(kind: str) -> None:
    document = DOCUMENTS[kind]
    text = render(document)
    assert parse(kind, text, "x.yaml") == document
    assert render(parse(kind, text, "x.yaml")) == text


def test_people_find_version_first_and_what_they_look_for() -> None:
    lines = render(EXECUTION).splitlines()
    assert lines[:3] == ["version: 1", "execution: 1", "stage: work"]
    assert "state: claimed" in lines
    assert "reason: null" in lines
    assert "attempt: 1" not in lines
    assert "state: deleting" in render(Tombstone(last_seq=3)).splitlines()
