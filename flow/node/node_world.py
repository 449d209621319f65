"""What only this node knows: its identity, its journal, its containers. Plain values; the journal's are documents."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from flow.model.snapshot import Snapshot
from flow.node.sightings import Sightings
from flow.node.signs_of_life import SignsOfLife
from schema.base import Recorded
from schema.execution import (
    ArtifactList,
    Cached,
    ImageRecord,
    LogRecord,
    Result,
    SavedRecord,
    ServiceRecord,
    State,
    slot_name,
)
from schema.file_input import RecordedInput
from schema.names import ClaimId, Name
from schema.node import Inventory
from schema.reasons import End
from schema.rights import NO_RIGHTS, Rights
from schema.services import Service

Work = Literal["launch", "collection"]
NO_SIGNS = SignsOfLife()


@dataclass(frozen=True, slots=True)
class NodeIdentity:
    """This node. `pool` is the pool's path inside its stages; `inventory` what it says of itself."""

    node: str
    incarnation: str
    inventory: Inventory
    pool: str = "/pool"
    settle: float = 1.0  # seconds a stage runs before `running` is worth a push of its own
    board: float = 60.0  # connected seconds between two root boards of this node


class Earlier(Recorded):
    """An execution whose result may be taken, if images, files and workspace turn out to be the same."""

    execution: int
    image: ImageRecord
    files: dict[str, RecordedInput] = {}
    began: str | None = None
    project_files: str | None = None
    result: Result


class Beside(Recorded):
    """A result that a stage is given to read, under `path` of `$WINSLOW_NEEDS`."""

    path: str
    execution: int
    manifest: str | None = None
    holder: str | None = None  # the node that has it


class SavedFiles(Recorded):
    """What an earlier attempt had saved, which this one begins with: `paths` of what that left."""

    execution: int
    manifest: str
    paths: tuple[str, ...]
    holder: str | None = None  # the node that has it


class BuiltService(Recorded):
    """What to run in place of a service's image, which the repository builds, and by which execution it was made."""

    run: str
    build: int


class LaunchOrder(Recorded):
    """All that is needed to launch an execution and to judge its end, kept in the journal beside the claim."""

    project: Name
    execution: int
    stage: Name
    point: int | None = None
    image: str
    command: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] | None = None
    env: dict[str, str] = {}
    inputs: dict[str, object] = {}
    files: tuple[str, ...] = ()  # names of the inputs that are paths in the pool
    folders: tuple[str, ...] = ()  # those of them that are folders
    source: int | None = None
    manifest: str | None = None  # what that execution left
    holder: str | None = None  # the node that has it
    beside: tuple[Beside, ...] = ()  # of the stages that it needs
    saved: SavedFiles | None = None  # which takes the place of what is there
    add: dict[str, str] = {}  # and what is changed of it
    remove: tuple[str, ...] = ()
    gpus: tuple[str, ...] = ()
    gpu_share: int | None = None  # bytes of the memory of each; None: it has them for itself
    pull: str = "missing"
    memory: int | None = None
    cpus: float | None = None
    shm_size: int | None = None
    disk: int | None = None
    pids: int | None = None
    timeout: float | None = None
    idle_timeout: float | None = None
    min_runtime: float | None = None  # seconds after which it may be interrupted; None where it may not be
    grace: float = 10.0
    signal: str = "TERM"  # by which it is told to end
    save: tuple[str, ...] = ()  # patterns of what it saves of itself
    save_every: float | None = None  # seconds between two times that this is taken while it runs
    artifacts: tuple[str, ...] = ()
    metrics: str | None = None
    show: tuple[str, ...] = ()
    cache: bool = False  # others may take its result
    earlier: tuple[Earlier, ...] = ()  # newest first
    pipeline: str = ""
    tags: tuple[str, ...] = ()  # of its project
    built: str = ""  # what to run in place of `image`, which the repository builds
    build: int | None = None  # by which execution of `winslow-images`
    tree: str = ""  # of a build: what it is made from
    push: str = ""  # of a build: the registry that gets it
    rights: Rights = NO_RIGHTS  # what it asks for beyond least rights
    services: tuple[Service, ...] = ()  # filled in
    built_services: dict[str, BuiltService] = {}  # of them, those whose image the repository builds

    @property
    def slot(self) -> str:
        return slot_name(self.stage, self.point)


class DeletionMark(Recorded):
    """Of which deletion of a project this node has deleted its data.

    `parted`: the generation whose files it has set aside, because a new project of that name is there.
    """

    generation: int = 0
    execution: int = 0  # up to which
    commit: str = ""  # that removed it
    parted: int = 0


class HeldClaim(Recorded):
    """A claim of this node, filed by its container, which outlives claim ids.

    `sent` before it is pushed, `granted` once it is known to have landed, `started` once the container was started.
    """

    claim: ClaimId
    container: ClaimId
    order: LaunchOrder
    phase: Literal["sent", "granted", "started"] = "granted"
    sent: float | None = None  # when the push was sent, in seconds since the boot that is named
    boot: str = ""
    lost_after: float = 0.0  # of its lease; 0 in entries of older versions, which did not say
    give_up_after: float = 0.0  # of an exclusive one
    kill_within: float = 0.0
    stop: End | None = None  # why we ended it, written down before it was told to stop
    stopped_for: str = ""  # that in words, where the reason alone does not say it
    # What its container is made from, written down before it is:
    image: ImageRecord | None = None  # what the tag was resolved to
    files: dict[str, RecordedInput] = {}  # the file inputs with digest and size
    manifest: str | None = None  # what its workspace begins with
    project_files: str | None = None  # a digest of /files, if that matters
    began: str | None = None  # wall clock, for people
    saved: SavedRecord | None = None  # what was taken last of what it saves
    services: tuple[ServiceRecord, ...] = ()

    def lease_lasts(self, now: float, boot: str, signs: SignsOfLife = NO_SIGNS) -> bool:
        """Whether nobody can have given it up: since it was sent, or since later signs of life that arrived."""
        sent = self.sent if self.boot == boot else None
        if not self.lost_after or (sent is not None and now - sent < self.lost_after):
            return True
        return signs.prolong(sent, now, self.lost_after)

    @property
    def exclusive(self) -> bool:
        return self.give_up_after > 0

    def with_made(self, ended: "ExecutionEnd") -> "ExecutionEnd":
        """The end, saying also what its container was made from and when it began."""
        return ended.model_copy(
            update={
                "image": self.image,
                "inputs": self.files,
                "manifest": self.manifest,
                "project_files": self.project_files,
                "started": self.began,
                "services": self.services,
            }
        )


class ExecutionEnd(Recorded):
    """How an execution ended, in the outbox until the repository shows it."""

    container: ClaimId
    project: Name
    execution: int
    stage: Name
    point: int | None = None
    state: State
    reason: End | None = None
    text: str = ""
    result: Result | None = None
    cached: Cached | None = None
    image: ImageRecord | None = None
    inputs: dict[str, RecordedInput] = {}
    manifest: str | None = None
    project_files: str | None = None
    services: tuple[ServiceRecord, ...] = ()
    started: str | None = None
    finished: str | None = None
    duration: float | None = None
    log: LogRecord | None = None
    log_text: str = ""
    artifacts: ArtifactList | None = None

    @property
    def slot(self) -> str:
        return slot_name(self.stage, self.point)


@dataclass(frozen=True, slots=True)
class ObservedContainer:
    """A container of this node as it is now. Times are seconds since boot."""

    id: str
    running: bool = False
    exited: bool = False
    started: float | None = None
    last_output: float | None = None
    gpus: tuple[str, ...] = ()
    gpu_share: int | None = None  # bytes of the memory of each; None: it has them for itself
    gpu_memory: Mapping[str, int] = field(default_factory=dict)  # bytes that it was seen to use of each, if it shares
    queued: str = ""  # it waits for a machine that somebody else gives: the reason in a word, once worth telling
    detail: str = ""  # that in words


@dataclass(frozen=True, slots=True)
class Setback:
    """A piece of work that failed; while it rests it is not to be tried again."""

    work: Work
    resting: bool = False


@dataclass(frozen=True, slots=True)
class Launch:
    """A launch under way: since when, in seconds since boot, and what is being done."""

    since: float
    text: str = ""


@dataclass(frozen=True, slots=True)
class World:
    """Everything a decision may look at, gathered by `controller.observe`.

    `fresh` says that the snapshot was fetched in this round. Entries, outbox and
    containers go by container; `busy` are those with a launch or a collection under way, `setbacks` says which of the
    two failed, `launching` which launches have not led to a start yet; `ids` is a supply of random claim ids, unused
    ones are thrown away.
    """

    me: NodeIdentity
    snapshot: Snapshot | None
    fresh: bool
    now: float
    wall: str
    poll: float
    entries: Mapping[str, HeldClaim]
    outbox: Mapping[str, ExecutionEnd]
    containers: Mapping[str, ObservedContainer]
    busy: frozenset[str]
    seen: Sightings
    ids: tuple[str, ...]
    wiped: Mapping[str, DeletionMark]
    halted: str | None = None
    unseen: str = ""  # why others may not see its signs of life
    room: bool = True  # enough disk for new work
    lacks: frozenset[str] = frozenset()  # files that slots want and this node's pool has not, told to others or not
    offered: frozenset[str] = frozenset()  # those of them that another node has, and gives
    has: frozenset[str] | None = None  # files that its pool was found to have; None where there is no pool to look at
    setbacks: Mapping[str, Setback] = field(default_factory=dict)
    launching: Mapping[str, Launch] = field(default_factory=dict)
    halts: Mapping[str, str] = field(default_factory=dict)  # why others say that they have halted, or an empty text
    boot: str = ""  # which boot of the machine `now` counts from
    lapsed: frozenset[str] = frozenset()  # claims that are not started, and that others may have given up meanwhile
    ends_all: str = ""  # why everything that runs here is to end now: a drain whose time is over
    engine: bool = True  # it answered; if not, containers are as they were last seen
    leases: Mapping[str, float] = field(default_factory=dict)  # until when each exclusive claim lasts
