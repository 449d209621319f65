"""Nodes: what people set on `main`, what a node says of itself, and the repository's settings."""

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from schema.access import Access
from schema.base import Recorded, Wanted
from schema.fairness import Account, FairShare, Quota, ResourceGroups
from schema.names import Name
from schema.notify import Rule
from schema.policy import NO_GRANTS, Grants
from schema.quantities import Duration, Size, Span
from schema.retention import Retention

REGISTRY = r"^[A-Za-z0-9][A-Za-z0-9.-]*(?::[0-9]{1,5})?(?:/[a-z0-9][a-z0-9._/-]*)?$"
SCHEMA = 1
"""The version of the documents this controller reads and writes."""


class Reserve(Wanted):
    """What the owner of a machine keeps of it: stages have the rest."""

    cpus: float = Field(default=0.0, ge=0, le=4096)
    memory: Size = 0
    disk: Size = 0


class Overcommit(Wanted):
    """By how much more than the machine has its stages together may ask for."""

    cpus: float = Field(default=1.0, ge=1, le=64)
    memory: float = Field(default=1.0, ge=1, le=64)


class TimedWish(Wanted):
    """Something a person asked of a node, from when the node saw it. `asked` tells it from others of its kind."""

    asked: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[!-~]+$")]
    time: Span | None = Field(default=None, alias="for")


Slots = Annotated[int, Field(ge=0, le=1024)] | Literal["auto"]


class NodeSettings(Wanted):
    """`nodes/<node>.yaml` on `main`, optional."""

    drain: bool = False
    deadline: TimedWish | None = None
    gives_back: TimedWish | None = Field(default=None, alias="yield")
    labels: tuple[str, ...] = ()
    slots: Slots | None = None
    reserve: Reserve = Reserve()
    overcommit: Overcommit = Overcommit()


class Health(StrEnum):
    """Of a GPU, as its node finds it. Only one that is `ok` and not taken is given to a stage."""

    OK = "ok"
    BUSY = "busy"  # programs use it that are not of this node's stages
    LOST = "lost"  # it fell off the bus, or answers with errors only
    UNKNOWN = "unknown"  # the driver does not answer


class NodeGpu(Recorded):
    model_config = ConfigDict(title="InventoryGpu")

    uuid: str
    model: str = ""
    memory: int = 0
    driver: str = ""
    compute_capability: str = ""
    health: Health = Health.OK
    watched: bool = False  # its node can tell how much of its memory each stage uses, so that stages may share it
    part_of: str = ""  # of an instance (MIG), the device that it is cut from


class NodeAway(Recorded):
    """Why nobody answers on a node: said by itself when it stops, else by another that sees no sign of life."""

    why: Literal["stopped", "silent"]
    beat: str = ""  # its heartbeat then: another one is a sign of life, and all of this is void
    by: str = ""  # the node that says so
    since: str = ""  # by that node's wall clock, for people


class LentFile(Recorded):
    """A file of its pool that a node has left in its bucket, since another one lacks it."""

    path: str
    digest: str
    bytes: int = 0


class Inventory(Recorded):
    """`inventory/<node>.yaml` on `winslow/state`: written when it changes."""

    version: int = 1
    node: Name
    incarnation: str
    winslow: str = ""
    runner: str = ""
    limits: bool = False
    discards: tuple[str, ...] = ()  # limits that its engine would accept and not keep: memory, cpus, pids
    isolation: bool = False
    cpus: int = 1
    memory: int = 0
    gpus: tuple[NodeGpu, ...] = ()
    labels: tuple[str, ...] = ()
    slots: int = 1
    auto: bool = False  # `--slots auto`: as many stages as fit, whatever `slots` says
    disk: int = 0  # bytes of the disk that its data lies on
    services: bool = False  # it runs programs beside stages
    exclusive: bool = False  # it can end a stage although its controller is dead or stopped
    heartbeat: float = 0.0  # seconds between two signs of life
    address: str | None = None  # HOST:PORT where other nodes can ask for objects
    key: str = ""  # public half of the key it signs its own questions with
    store: str = ""  # where its workspaces lie; nodes that name the same store can build on each other's results
    bucket: str = ""  # s3://NAME/PREFIX where it leaves and finds what stages left
    lacks: tuple[str, ...] = ()  # files that stages have waited for, and that its pool has not
    lends: tuple[LentFile, ...] = ()  # files of its pool that lie in its bucket for nodes that lack them
    schema_version: int = Field(default=1, alias="schema")  # the newest version of the documents that it reads
    full: str = ""  # why it takes nothing new until there is room again
    clock: str = ""  # by how much the clock on its wall was set within the last day, and when that was seen
    owner: str = ""  # why it takes nothing new and gives back what may be interrupted: its owner wants it
    yielded: str = ""  # of `yield` in its settings, the wish whose time is over
    halted: str = ""  # what another node reads in its heartbeat; it writes no commit while it has halted
    away: NodeAway | None = None
    grants: Grants = NO_GRANTS  # of its policy
    build: bool = False  # makes images of `images/` on `main`


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
    time: str = ""  # by its wall clock, for people
    lost: str = ""  # the commit that it saw, and that a branch no longer holds
    every: float = 0.0  # seconds between two of them
    host: str = ""
    process: int = 0


class Exclusive(Wanted):
    """Times of stages with `exclusive: true`: when their node gives up, and when others may take over."""

    give_up_after: Span = 90.0
    kill_within: Span = 30.0
    lost_after: Span = 180.0

    @model_validator(mode="after")
    def _apart(self) -> Self:
        if self.lost_after <= self.give_up_after + self.kill_within:
            raise ValueError(
                "lost_after must be greater than give_up_after + kill_within, or a stage could run on two nodes at once"
            )
        return self


class Settings(Wanted):
    """`winslow.yaml` on `main`: what makes a repository a state repository."""

    schema_version: int = Field(alias="schema", ge=1)
    name: str = ""
    description: str = ""
    lost_after: Span = 600.0
    delete_after: Duration = 86_400.0
    max_deletions: int = Field(default=5, ge=1)
    exclusive: Exclusive = Exclusive()
    join: Literal["open", "approved"] = "open"
    registry: Annotated[str, Field(max_length=200, pattern=REGISTRY)] | None = None
    notify: tuple[Rule, ...] = ()
    retention: Retention = Retention()
    access: Access = Access()
    fair_share: FairShare = FairShare()
    quotas: dict[Account, Quota] = {}
    resource_groups: ResourceGroups = {}
