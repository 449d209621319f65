"""An input of a record is a plain value or a file with what was found, and is written again as it was read."""

from typing import Any

import pytest

from schema.execution import Claim, Execution, State
from schema.file_input import FileInput, plain
from schema.packed import pack, unpack

VIDEO = {"path": "a/b.mp4", "digest": "blake3:" + "1" * 64, "bytes": 7}


def execution(**inputs: Any) -> Execution:
    claim = Claim(id="a" * 32, container="a" * 32, node="n", incarnation="i")
    return Execution.model_validate(
        {"execution": 1, "stage": "s", "chain": 1, "request": "r", "state": State.RUNNING, "claim": claim}
        | {"inputs": inputs}
    )


def test_a_file_that_was_looked_at_is_typed_and_is_asked_for_by_its_path() -> None:
    inputs = execution(video=VIDEO, speed=0.5).inputs
    assert inputs["video"] == FileInput(path="a/b.mp4", digest="blake3:" + "1" * 64, bytes=7)
    assert {name: plain(value) for name, value in inputs.items()} == {"video": "a/b.mp4", "speed": 0.5}


@pytest.mark.parametrize(
    "value",
    [
        VIDEO,
        {"path": "folder", "digest": "blake3:2", "bytes": 9, "files": 2},
        {"path": "not hashed yet"},
        {"path": "of a newer version", "digest": "blake3:3", "bytes": 1, "frames": [1, 2]},
        {"path": 3},
        {"path": "a", "bytes": "7"},
        {"digest": "blake3:4"},
        ["a", {"path": "b"}],
        None,
        True,
        1,
        1.0,
        "a text",
    ],
)
def test_what_a_record_says_of_an_input_is_written_again_as_it_was_read(value: object) -> None:
    record = execution(given=value)
    written = record.model_dump(mode="json", by_alias=True)["inputs"]["given"]
    assert written == value
    assert type(written) is type(value)
    packed = pack(record)
    assert packed is not None
    assert unpack(Execution, packed) == record


def test_two_recordings_of_one_path_read_differently() -> None:
    assert str(FileInput(path="a.mp4", digest="blake3:1")) == "a.mp4 (blake3:1)"
    assert str(FileInput(path="a.mp4")) == "a.mp4"
