"""Who gets what when not everything fits: `fair_share`, `quotas` and `resource_groups` in `winslow.yaml`."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from schema.access import Who
from schema.base import Wanted
from schema.names import Name
from schema.quantities import Size, Span

Account = Annotated[str, StringConstraints(min_length=1, max_length=320, pattern=r"^[^\x00-\x20\x7f]+$")]
"""A person's address, the name of a group, or a tag, as `fair_share.by` says."""
Weight = Annotated[float, Field(gt=0, le=1000)]


class FairShare(Wanted):
    """Of those who wait, whoever used least goes first; what was used counts half after `half_life`."""

    by: Literal["person", "group", "tag"] = "person"
    half_life: Span = 7 * 86_400.0
    groups: dict[Name, tuple[Who, ...]] = {}
    weights: dict[Account, Weight] = {}
    aging: Span = 6 * 3600.0


class Quota(Wanted):
    """How much one account may have at once."""

    running: int | None = Field(default=None, ge=0, le=100_000)
    cpus: float | None = Field(default=None, ge=0, le=1_000_000)
    memory: Size | None = None
    gpus: int | None = Field(default=None, ge=0, le=100_000)


EVERYBODY = "*"
"""The quota of each account that has none of its own."""
ResourceGroups = dict[Name, Annotated[int, Field(ge=1, le=100_000)]]
