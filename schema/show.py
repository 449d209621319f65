"""What a stage wants people to look at: a pattern of files, or one with the way in which it is shown."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Discriminator, Field, StringConstraints, Tag, WithJsonSchema, model_validator

from schema.base import Wanted
from schema.errors import Misplaced
from schema.globs import BadGlob, Glob, compiled

MOST_LINES = 8
Column = Annotated[str, StringConstraints(min_length=1, max_length=64)]


class ShowKind(StrEnum):
    """Where none is said, the file's name decides."""

    PICTURE = "picture"
    VIDEO = "video"
    CHART = "chart"
    TABLE = "table"
    REPORT = "report"
    TEXT = "text"


def _columns(given: Any) -> Any:
    return (given,) if isinstance(given, str) else given


Columns = Annotated[
    tuple[Column, ...],
    BeforeValidator(_columns),
    Field(max_length=MOST_LINES),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "minLength": 1, "maxLength": 64},
                {"type": "array", "items": {"type": "string", "minLength": 1, "maxLength": 64}, "maxItems": MOST_LINES},
            ],
            "default": [],
        },
        mode="validation",
    ),
]


class ShowFile(Wanted):
    """A file, or a pattern of such, with a title and the way in which it is shown."""

    file: Glob
    kind: ShowKind | None = Field(default=None, alias="as")
    x: Column | None = None
    y: Columns = ()
    title: str = Field(default="", max_length=120, pattern=r"^[^\x00-\x1f]*$")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for key in ("x", "y"):
            if getattr(self, key) and self.kind is not ShowKind.CHART:
                raise Misplaced(f"`{key}` names columns of a chart; say `as: chart` too", key)
        return self


def _form(given: Any) -> str:
    return "text" if isinstance(given, str) else "mapping"


Shows = Annotated[Annotated[Glob, Tag("text")] | Annotated[ShowFile, Tag("mapping")], Discriminator(_form)]


def patterns(shows: Sequence[str | ShowFile]) -> tuple[str, ...]:
    """Of files, as a plain list names them."""
    return tuple(each if isinstance(each, str) else each.file for each in shows)


def shown_as(shows: Sequence[str | ShowFile], path: str) -> ShowFile | None:
    """What is said of a file; None where only a pattern names it. The first that fits holds."""
    for each in shows:
        if isinstance(each, ShowFile) and _fits(each.file, path):
            return each
    return None


def _fits(pattern: str, path: str) -> bool:
    try:
        return compiled(pattern).fullmatch(path) is not None
    except BadGlob:
        return False
