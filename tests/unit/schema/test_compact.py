"""Compact documents: smaller, and else the same."""

import sys
import tracemalloc

import pytest
from pydantic import BaseModel

from schema.compact import compact
from schema.execution import Execution, Times
from schema.pipeline import Pipeline
from schema.project import Project

TEXT = """{"execution": 3, "stage": "detect", "chain": 1, "request": "0001-start.yaml", "state": "succeeded",
"claim": {"id": "%(id)s", "container": "%(id)s", "node": "n1", "incarnation": "i", "lease": {"lost_after": 5}},
"workspace": {"from": 2}, "result": {"exit_code": 0, "newer": [1]}, "later": "field"}"""


def execution(number: int = 0) -> Execution:
    return Execution.model_validate_json(TEXT % {"id": f"{number:032x}"})


DOCUMENTS = [
    execution(),
    Times(started="now"),
    Project(pipeline="p", tags=("a",)),
    Pipeline.model_validate({"name": "p", "stages": [{"name": "s", "image": "i", "command": ["x"]}]}),
]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: type(document).__name__)
def test_a_compact_document_is_equal_and_is_written_the_same(document: BaseModel) -> None:
    made = compact(document)
    assert made == document
    assert made.model_dump_json(by_alias=True) == document.model_dump_json(by_alias=True)
    for unset, defaults in ((True, False), (False, True)):
        one, other = (
            each.model_dump_json(by_alias=True, exclude_unset=unset, exclude_defaults=defaults)
            for each in (made, document)
        )
        assert one == other
    assert repr(made) == repr(document)


def test_a_copy_of_one_does_not_change_what_others_share() -> None:
    one, other = compact(execution(1)), compact(execution(2))
    changed = one.model_copy(update={"text": "new", "unknown": 1})  # type: ignore[misc]
    assert "text" in changed.model_fields_set
    assert "text" not in other.model_fields_set
    assert other == execution(2)


@pytest.mark.skipif(sys.implementation.name != "cpython", reason="tells how CPython lays out objects")
def test_it_takes_two_thirds_of_the_room_at_most() -> None:
    """Half of it where models keep their fields in a dict of their own: Python 3.13 packs these by itself."""

    def room(make) -> int:  # type: ignore[no-untyped-def]
        tracemalloc.start()
        kept = [make(execution(number)) for number in range(300)]
        size = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        return size // len(kept)

    room(compact)
    assert room(compact) < room(lambda model: model) * 2 / 3
