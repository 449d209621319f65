"""One run of one slot, `projects/<id>/executions/<number>-<stage>.yaml`, written by the holder of its claim."""

from enum import StrEnum
from typing import Any

from pydantic import Field

from schema.base import Recorded
from schema.file_input import RecordedInput
from schema.names import ClaimId, Name
from schema.reasons import End
from schema.rights import Rights
from schema.services import EnvValue, ServicesShare, with_services
from schema.spent import Spent, moment, spent


class State(StrEnum):
    CLAIMED = "claimed"
    PREPARING = "preparing"
    RUNNING = "running"
    LOST = "lost"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    ABORTED = "aborted"
    SUPERSEDED = "superseded"

    @property
    def active(self) -> bool:
        """A node holds it."""
        return self in (State.CLAIMED, State.PREPARING, State.RUNNING)

    @property
    def ended(self) -> bool:
        return self in (State.SUCCEEDED, State.FAILED, State.ABORTED, State.SUPERSEDED)


class Lease(Recorded):
    """Copied into the claim, so that holder and observers use the same numbers. Seconds.

    The last two are those of an exclusive stage: when its node gives it up, and by when it has ended it then.
    """

    lost_after: float = 600.0
    give_up_after: float | None = None
    kill_within: float | None = None

    @property
    def exclusive(self) -> bool:
        return self.give_up_after is not None


class Claim(Recorded):
    """Who may write the record. Only `id` decides; `container` is the claim id its container was made under."""

    id: ClaimId
    container: ClaimId
    node: Name
    incarnation: str
    epoch: int = Field(default=1, ge=1)
    lease: Lease = Lease()


class ImageRecord(Recorded):
    ref: str
    digest: str | None = None
    id: str | None = None
    build: int | None = None  # the execution of `winslow-images` that made it


class Changes(Recorded):
    """What a person changed before a stage began: paths that went, then files that came, by digest."""

    add: dict[str, str] = {}
    remove: tuple[str, ...] = ()


class SavedRecord(Recorded):
    """What a running stage had saved of itself when that was last taken, and where it lies."""

    manifest: str
    store: str = ""
    bucket: str = ""


class WorkspaceRecord(Changes):
    """`from`: the execution whose result the stage started on; None for an empty workspace."""

    source: int | None = Field(default=None, alias="from")
    manifest: str | None = None
    checkpoint: int | None = None  # the execution of which it begins with what that had saved
    saved: SavedRecord | None = None  # of a running one, what the next attempt would begin with


class Needed(Recorded):
    """A result that a stage was given to read."""

    execution: int
    point: int | None = None
    manifest: str | None = None


class Times(Recorded):
    """ISO 8601, UTC, by the node's wall clock: for people, never compared."""

    claimed: str | None = None
    started: str | None = None
    finished: str | None = None
    ran: float | None = Field(default=None, ge=0)  # seconds from start to end, by the node's clock since boot
    awaits: str = ""  # what its start waits for, in a word of whoever gives the machine: Priority, Resources


class Result(Recorded):
    exit_code: int | None = None
    values: dict[str, Any] = {}
    metrics: dict[str, float] = {}
    manifest: str | None = None
    store: str = ""  # the store that its node has that in
    bucket: str = ""  # the bucket that has it too, whatever becomes of the node


class LogRecord(Recorded):
    lines: int = 0
    bytes: int = 0
    digest: str | None = None
    tail: tuple[str, ...] = ()  # the last lines, where it did not succeed


class Cached(Recorded):
    """Whose result was taken instead of running."""

    project: Name
    execution: int = Field(ge=1)


class ServiceRecord(Recorded):
    """A program that ran beside its stage."""

    name: str
    image: ImageRecord
    command: tuple[str, ...] = ()
    env: dict[str, str] = {}


class AskedRecord(Recorded):
    """What its stage named of its node's resources. What is left out was not named."""

    cpus: float | None = None
    memory: int | None = None
    shm: int | None = None
    disk: int | None = None
    rights: Rights | None = None  # beyond least rights, which its node granted
    services: ServicesShare | None = None
    group: str = ""  # the `resource_group`, of which only so many run at once
    min_runtime: float | None = None  # seconds after which it may be interrupted; None where it may not be
    gpu_share: int | None = None  # bytes of the memory of each of its GPUs; None where it has them for itself

    @property
    def counted(self) -> tuple[float | None, int | None]:
        """Cores and memory, with its services'."""
        return with_services(self.cpus, self.memory, self.services)


class Execution(Recorded):
    version: int = 1
    execution: int = Field(ge=1)
    stage: Name
    chain: int = Field(ge=1)  # seq of the start it descends from
    request: str  # the request that put the chain where this slot is wanted
    attempt: int = Field(default=1, ge=1)
    point: int | None = Field(default=None, ge=1)  # of a matrix, which of its combinations
    state: State
    reason: End | None = None
    text: str = ""  # the reason in words
    claim: Claim
    wanted: str = ""  # commit of main it acted on
    image: ImageRecord | None = None
    definition: str = ""  # digest of what its stage's definition says of the result
    command: tuple[str, ...] = ()
    env: dict[str, dict[str, EnvValue]] = {}
    inputs: dict[str, RecordedInput] = {}
    project_files: str | None = None  # digest of /files when it began, where its result may be taken
    gpus: tuple[str, ...] = ()
    asked: AskedRecord | None = None
    services: tuple[ServiceRecord, ...] = ()
    workspace: WorkspaceRecord = WorkspaceRecord()
    needs: dict[str, tuple[Needed, ...]] = {}  # what it was built on, by stage
    conditions: dict[str, str] = {}  # why a stage that it needs was skipped
    times: Times = Times()
    result: Result | None = None
    cached: Cached | None = None
    log: LogRecord | None = None
    artifacts: int = 0  # files in its list of artifacts

    @property
    def ran(self) -> float | None:
        """Seconds for which it ran, once it has ended: as measured, or of an older record what lies between its times.
        None of what never ran, or does not say when.
        """
        if self.times.ran is not None and self.times.started and self.times.finished:
            return self.times.ran
        began, ended = moment(self.times.started), moment(self.times.finished)
        return None if began is None or ended is None else round(ended - began, 3)

    @property
    def spent(self) -> Spent | None:
        """What it took of its machine; nothing while it goes on, or where it took another's result."""
        if not self.state.ended or self.cached:
            return None
        asked = self.asked.counted if self.asked else (None, None)
        return spent(self.claim.node, self.times.finished, self.ran, asked, len(self.gpus))

    @property
    def slot(self) -> str:
        """Its stage, and the point of it."""
        return slot_name(self.stage, self.point)


def slot_name(stage: str, point: int | None) -> str:
    """As people write it: `detect`, or `detect.2`."""
    return stage if point is None else f"{stage}.{point}"


class Tombstone(Recorded):
    """`projects/<id>/deleted.yaml`: the project is gone from `main`; its numbers are never used again."""

    version: int = 1
    generation: int = 1
    state: str = "deleting"  # deleting: can still be restored; purged: its files here are gone too
    last_seq: int = 0
    last_execution: int = 0
    earlier: int = 0  # the last execution of the generation before this one
    earlier_commit: str = ""  # and the commit that removed that
    commit: str = ""
    by: str = ""
    delete_after: float = 86_400.0
    left: tuple[str, ...] = ()  # requests whose files were still there when it was purged: answered once and for all


class Artifact(Recorded):
    path: str
    bytes: int
    digest: str | None = None


class ArtifactList(Recorded):
    """`projects/<id>/artifacts/<number>-<stage>.json`, at most 64 KiB: the list is cut, the counts are not."""

    version: int = 1
    files: int = 0
    bytes: int = 0
    manifest: str | None = None
    artifacts: tuple[Artifact, ...] = ()
    show: tuple[str, ...] = ()
