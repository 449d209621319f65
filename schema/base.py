"""What all documents share."""

from typing import Any

from pydantic import BaseModel, ConfigDict

from schema.compact import prepare


class Document(BaseModel):
    """Kept by the ten thousand."""

    @classmethod
    def __pydantic_init_subclass__(cls, **given: Any) -> None:
        prepare(cls)


class Wanted(Document):
    """Written by people: frozen, and an unknown key is a mistake (keys that begin with `x-` are removed before)."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Recorded(Document):
    """Written by controllers: frozen, and fields of a newer version are kept as they are."""

    model_config = ConfigDict(frozen=True, extra="allow", hide_input_in_errors=True)
