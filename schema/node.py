"""Nodes: what people set on `main`, what a node says of itself, and the repository's settings."""

from typing import Literal

from pydantic import Field

from schema.base import Recorded, Wanted
from schema.execution import Lease
from schema.names import Name
from schema.quantities import Duration

SCHEMA = 1
"""The version of the documents this controller reads and writes."""


class NodeSettings(Wanted):
    """`nodes/<node>.yaml` on `main`, optional."""

    drain: bool = False
    labels: tuple[str, ...] = ()
    slots: int | None = Field(default=None, ge=0, le=1024)


class Gpu(Recorded):
    uuid: str
    model: str = ""
    memory: int = 0


class Inventory(Recorded):
    """`inventory/<node>.yaml` on `winslow/state`: written when it changes."""

    version: int = 1
    node: Name
    incarnation: str
    winslow: str = ""
    runner: str = ""
    limits: bool = False
    isolation: bool = False
    cpus: int = 1
    memory: int = 0
    gpus: tuple[Gpu, ...] = ()
    labels: tuple[str, ...] = ()
    slots: int = 1
    address: str | None = None
    store: str = ""  # where its workspaces lie; nodes that name the same store can build on each other's results


class Heartbeat(Recorded):
    """The blob behind `refs/winslow/nodes/<node>`; observers look at its object id alone."""

    version: int = 1
    node: Name
    incarnation: str
    counter: int = 0
    nonce: str = ""
    claims: tuple[str, ...] = ()
    halted: str | None = None
    load: dict[str, float] = {}


class Settings(Wanted):
    """`winslow.yaml` on `main`: what makes a repository a state repository."""

    schema_version: int = Field(alias="schema", ge=1)
    name: str = ""
    description: str = ""
    lost_after: Duration = 600.0
    delete_after: Duration = 86_400.0
    max_deletions: int = Field(default=5, ge=1)
    join: Literal["open", "approved"] = "open"

    def lease(self) -> Lease:
        return Lease(lost_after=self.lost_after)
