"""Packed documents: far smaller, and else the same."""

import copy
import pickle
import sys
import tracemalloc
import zlib

import pytest
from pydantic import BaseModel, ValidationError

from schema.compact import compact
from schema.documents import parse, render, tidy
from schema.execution import Execution, State, Times
from schema.packed import WORDS, NotPacked, kept, pack, unpack

TEXT = """{"execution": 3, "stage": "detect", "chain": 1, "request": "0001-start.yaml", "state": "%(state)s",
"reason": "ExitCode", "claim": {"id": "%(id)s", "container": "%(id)s", "node": "n1", "incarnation": "i"},
"command": ["python", "-m", "detect"], "env": {"winslow": {"WINSLOW": "1", "CI_JOB_ID": "3"}},
"inputs": {"video": {"path": "a.mp4", "bytes": 12}, "threshold": 0.5}, "workspace": {"from": 2},
"times": {"finished": "2026-01-01"}, "result": {"exit_code": 1, "newer": [1]}, "later": {"field": [1, 2.5, null]}}"""


def execution(number: int = 0, state: State = State.FAILED) -> Execution:
    return Execution.model_validate_json(TEXT % {"id": f"{number:032x}", "state": state})


def packed(number: int = 0) -> Execution:
    """Made as everything else is that is looked at here, and yet packed."""
    found = kept(execution(number))
    assert type(found) is not Execution
    return found


def test_every_field_is_there_with_those_of_a_newer_version() -> None:
    found, whole = packed(), execution()
    for name in (*Execution.model_fields, "later", "model_extra", "model_fields_set"):
        assert getattr(found, name) == getattr(whole, name), name
    assert found.result
    assert found.result.newer == [1]  # type: ignore[attr-defined]
    with pytest.raises(AttributeError, match="nonsense"):
        found.nonsense  # type: ignore[attr-defined]  # noqa: B018


def test_it_passes_for_a_document_of_its_class() -> None:
    found, whole = packed(), execution()
    assert isinstance(found, Execution)
    assert isinstance(found, BaseModel)
    assert not isinstance(found, Times)
    assert (repr(found), str(found), dict(found)) == (repr(whole), str(whole), dict(whole))
    with pytest.raises(ValidationError, match="frozen"):
        found.text = "new"
    with pytest.raises(TypeError, match="unhashable"):
        hash(found)


def test_it_is_equal_whichever_of_two_is_packed() -> None:
    assert packed() == packed()
    assert packed() == execution()
    assert execution() == packed()
    assert (execution(),) == (packed(),)
    for other in (packed(1), execution(1), Times(), None):
        assert packed() != other
        assert other != packed()
    explicit = kept(Execution.model_validate_json(execution().model_dump_json(by_alias=True)))
    assert pack(explicit) != pack(packed())
    assert explicit == packed()


def test_it_is_written_the_same() -> None:
    found, whole = packed(), execution()
    assert render(found) == render(whole)
    assert tidy(found) == tidy(whole)
    assert found.model_dump_json(by_alias=True) == whole.model_dump_json(by_alias=True)
    assert parse("execution", render(found), "e.yaml") == whole


def test_it_may_stand_in_another_model() -> None:
    class Around(BaseModel):
        record: Execution

    around, plain = Around(record=packed()), Around(record=execution())
    assert around.model_dump() == plain.model_dump()
    assert around.model_dump_json(by_alias=True) == plain.model_dump_json(by_alias=True)
    assert Around.model_validate(around.model_dump(by_alias=True)) == plain


def test_a_changed_copy_is_an_ordinary_one() -> None:
    changed = packed().model_copy(update={"text": "new"})
    assert changed.text == "new"
    assert changed == execution().model_copy(update={"text": "new"})
    assert packed().text == ""


def test_a_copy_of_it_is_equal_and_one_that_travelled_is_packed() -> None:
    for found in (copy.copy(packed()), copy.deepcopy(packed())):
        assert found == execution()
    found = pickle.loads(pickle.dumps(packed()))
    assert type(found) is type(packed())
    assert found == execution()


@pytest.mark.parametrize("state", [state for state in State if not state.ended])
def test_what_is_not_over_is_kept_whole(state: State) -> None:
    assert type(kept(execution(0, state))) is Execution
    assert type(kept(Times())) is Times


def test_what_would_not_come_back_the_same_is_kept_whole() -> None:
    odd = execution().model_copy(update={"inputs": {"x": float("nan")}})
    assert pack(odd) is None
    assert type(kept(odd)) is Execution


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        b"rubbish",
        zlib.compress(b"{}"),
        pack(execution())[:-1],  # type: ignore[index]
        bytes((each ^ (place == 60)) for place, each in enumerate(pack(execution()) or b"")),
    ],
    ids=["nothing", "rubbish", "other words", "cut off", "another byte"],
)
def test_damage_is_told(damaged: bytes) -> None:
    with pytest.raises(NotPacked):
        unpack(Execution, damaged)


def test_a_small_thing_that_would_be_endless_is_refused() -> None:
    work = zlib.compressobj(zdict=WORDS)
    bomb = work.compress(b'{"text": "' + b"x" * 50_000_000 + b'"}') + work.flush()
    with pytest.raises(NotPacked, match="too long"):
        unpack(Execution, bomb)


@pytest.mark.skipif(sys.implementation.name != "cpython", reason="tells how CPython lays out objects")
def test_it_takes_a_third_of_the_room_of_a_compact_one() -> None:
    def room(make) -> int:  # type: ignore[no-untyped-def]
        tracemalloc.start()
        found = [make(execution(number)) for number in range(300)]
        size = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        return size // len(found)

    room(kept)
    assert room(kept) < room(compact) / 3
