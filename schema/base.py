"""What all documents share."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, ValidationInfo

from schema.codec import ParsedText
from schema.compact import prepare

KEPT: Final[Mapping[str, Any]] = {"kept": True}
"""Context for a document that was accepted by the rules of an earlier version, and has to stay readable."""


def is_kept(info: ValidationInfo) -> bool:
    return bool(info.context and info.context.get("kept"))


class Document(BaseModel):
    """Kept by the ten thousand."""

    @classmethod
    def written_out(cls, parsed: ParsedText) -> ParsedText:
        """The document with everything in its place that people may write once for several places. DocumentError."""
        return parsed

    @classmethod
    def __pydantic_init_subclass__(cls, **given: Any) -> None:
        prepare(cls)


class Wanted(Document):
    """Written by people: frozen, and an unknown key is a mistake (keys that begin with `x-` are removed before)."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Recorded(Document):
    """Written by controllers: frozen, and fields of a newer version are kept as they are."""

    model_config = ConfigDict(frozen=True, extra="allow", hide_input_in_errors=True)
