"""What all documents share."""

from pydantic import BaseModel, ConfigDict


class Wanted(BaseModel):
    """Written by people: frozen, and an unknown key is a mistake (keys that begin with `x-` are removed before)."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Recorded(BaseModel):
    """Written by controllers: frozen, and fields of a newer version are kept as they are."""

    model_config = ConfigDict(frozen=True, extra="allow", hide_input_in_errors=True)
