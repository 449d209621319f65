"""A file or folder of the pool as a stage was given it: a path, and what was found there when the stage began.

An input is asked for as a path, and recorded as a `FileInput` once a node has looked at the file. So an input of a
record is either a plain value or a `FileInput`; `plain` gives what was asked for in both cases.
"""

from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from pydantic import ConfigDict, PlainSerializer, PlainValidator, ValidationError, model_serializer

from schema.base import Recorded
from schema.inputs import Value

Other = TypeVar("Other")


class FileInput(Recorded):
    """`path` is relative to the pool, `digest` of the content, `bytes` its size; `files` counts those of a folder."""

    model_config = ConfigDict(frozen=True, extra="allow", hide_input_in_errors=True, strict=True)

    path: str
    digest: str | None = None
    bytes: int | None = None
    files: int | None = None

    def __str__(self) -> str:
        """For people: the same path may hold another recording, so the digest tells them apart."""
        return f"{self.path} ({self.digest})" if self.digest else self.path

    @model_serializer
    def _as_given(self) -> dict[str, Any]:
        """Only what was given: what a node of another version recorded is written again as it was."""
        return {name: value for name, value in self if name in self.model_fields_set}


def recorded(value: object) -> object:
    """A mapping of the form of a `FileInput` becomes one. All else stays: no record is refused for an input."""
    if not isinstance(value, Mapping):
        return value
    try:
        return FileInput.model_validate(value)
    except ValidationError:
        return value


def plain(value: FileInput | Other) -> str | Other:
    """The value as a person or a pipeline gives it: a file is its path."""
    return value.path if isinstance(value, FileInput) else value


def _same(value: object) -> Any:
    return value


RecordedInput = Annotated[FileInput | Value, PlainValidator(recorded), PlainSerializer(_same, return_type=Any)]
"""An input as a record has it."""
