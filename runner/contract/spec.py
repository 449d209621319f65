"""What a runner is asked to run, and what it says about it: plain values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Limits:
    """Resource limits in the kernel's units; None asks for none."""

    memory: int | None = None  # bytes
    cpus: float | None = None  # cores
    shm_size: int | None = None  # bytes
    pids: int | None = None

    def any(self) -> bool:
        return any(value is not None for value in (self.memory, self.cpus, self.shm_size, self.pids))


@dataclass(frozen=True, slots=True)
class Mount:
    source: Path
    target: str  # absolute path inside the stage
    writable: bool = False


@dataclass(frozen=True, slots=True)
class Overlay:
    """What a stage finds is `lower`, what it changes goes to `upper`; all three are this run's alone."""

    lower: Path
    upper: Path
    work: Path

    def paths(self) -> dict[str, str]:
        return {"lowerdir": str(self.lower), "upperdir": str(self.upper), "workdir": str(self.work)}

    def options(self) -> str:
        """For the mount. The upper must hold whole files and whole directories: it is read afterwards."""
        return ",".join((*(f"{name}={path}" for name, path in self.paths().items()), *OVERLAY_OPTIONS))


@dataclass(frozen=True, slots=True)
class ContainerRights:
    """What a policy granted, in the engine's words. Without anything: least rights."""

    network: str = ""
    hosts: Mapping[str, str] = field(default_factory=dict)
    user: str = ""  # uid:gid
    working_dir: str = ""
    devices: tuple[str, ...] = ()  # paths on the machine, the same inside
    groups: tuple[int, ...] = ()  # that may open these
    capabilities: tuple[str, ...] = ()
    security: tuple[str, ...] = ()
    privileged: bool = False
    host: tuple[str, ...] = ()  # namespaces of the machine


LEAST = ContainerRights()


@dataclass(frozen=True, slots=True)
class ImageBuild:
    """An image is made, and no program run. `context` is an archive with the Dockerfile and what lies beside it."""

    context: Path
    tag: str
    push: str = ""  # the repository of a registry that gets it
    version: str = ""  # the tag that it has there
    network: str = "none"
    bases: tuple[str, ...] = ("*",)  # patterns of images that it may be made from


@dataclass(frozen=True, slots=True)
class ServiceSpec:
    """A program beside a stage. `port` is where it listens once it is ready; 0: as soon as it runs."""

    name: str
    image: str
    image_id: str
    command: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    port: int = 0
    timeout: float = 60.0  # seconds until it has to be ready
    limits: Limits = field(default_factory=Limits)


OVERLAY_OPTIONS = ("metacopy=off", "redirect_dir=off", "index=off")


@dataclass(frozen=True, slots=True)
class Watched:
    """Of an exclusive stage: `until` when it may run, in seconds since boot, unless that is renewed; from then on it is
    told to end, and after `kill_within` seconds it is killed.
    """

    until: float
    kill_within: float


@dataclass(frozen=True, slots=True)
class Spec:
    """One execution's container. `id` is the claim id: the container's name and its identity for adoption.

    `directory` belongs to this run alone (on the host): the runner keeps `log`, and the program's feedback files
    (`progress`, `result`, `inputs.json`) there, visible inside as `/winslow` (Docker) or at the same path (process).
    `workspace` is the stage's own writable tree, `/workspace` inside and the working directory: a plain directory, or
    where there is an `overlay` the empty one that it is mounted on.
    """

    id: str
    labels: Mapping[str, str]
    image: str  # a reference as the pipeline names it, or `repo@sha256:…`, or an image id
    command: tuple[str, ...]
    entrypoint: tuple[str, ...] | None
    environment: Mapping[str, str]
    workspace: Path
    directory: Path
    mounts: tuple[Mount, ...] = ()
    limits: Limits = field(default_factory=Limits)
    gpus: tuple[str, ...] = ()  # device ids (UUIDs), explicit
    pull: str = "missing"  # missing | always | never
    image_id: str = ""  # what that reference was resolved to, where images have ids
    grace: float = 10.0  # seconds between TERM and KILL
    signal: str = "TERM"  # by which it is told to end
    overlay: Overlay | None = None
    rights: ContainerRights = LEAST
    build: ImageBuild | None = None
    read_only: Path | None = None  # what a stage that sees the host's paths must not write to
    timeout: float | None = None  # for a runner that tells it to whom it gives the stage; the controller keeps it
    services: tuple[ServiceSpec, ...] = ()
    watched: Watched | None = None  # by somebody who needs no controller for it


class Condition(StrEnum):
    CREATED = "created"
    QUEUED = "queued"  # started as far as we can, it waits for a machine that somebody else gives
    RUNNING = "running"
    EXITED = "exited"


class Ending(StrEnum):
    """Why a container is no longer running, as far as the runner can tell."""

    EXIT = "exit"  # its own end, see exit_code
    OOM = "oom"  # the kernel killed it, or a child of it, for its memory limit
    STOPPED = "stopped"  # we sent TERM or KILL
    CANCELLED = "cancelled"  # a person told the engine to end just this one, past Winslow
    INFRASTRUCTURE = "infrastructure"  # the engine or the machine went down under it
    SERVICE = "service"  # a service that it has ended, and so did it
    LAPSED = "lapsed"  # its time was over, and its watchdog ended it


@dataclass(frozen=True, slots=True)
class Container:
    """One container (or process group) of this node, as the runner sees it now. Times are seconds since boot."""

    id: str
    labels: Mapping[str, str]
    condition: Condition
    exit_code: int | None = None
    ending: Ending | None = None
    started: float | None = None  # boot-time clock; None before the start
    last_output: float | None = None  # boot-time clock of the newest log line; None when there was none
    detail: str = ""  # for people, e.g. the memory limit that was hit, or what it waits for
    waits: str = ""  # of one that is queued, the reason in one word; nothing while that is not worth telling
    until: float | None = None  # boot-time clock; of a watched one, while it has not ended

    @property
    def running(self) -> bool:
        """It was started and has not ended: it may be running by now."""
        return self.condition in (Condition.RUNNING, Condition.QUEUED)

    @property
    def exited(self) -> bool:
        return self.condition is Condition.EXITED


@dataclass(frozen=True, slots=True)
class Image:
    """A resolved image: by digest where a registry knows it, else by the id only this node has."""

    ref: str
    digest: str | None = None  # sha256:…
    id: str | None = None
    detail: str = ""  # for people: why it is not known better


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a runner can grant. A stage that asks for something missing is never run without it."""

    name: str
    limits: bool = False
    discards: tuple[str, ...] = ()  # of these limits: those that would be accepted and not kept
    oom: bool = False
    gpus: bool = False
    isolation: bool = False
    services: bool = False  # runs programs beside stages
    processes: bool = False  # `holds` tells which processes of this machine are a container's
    watchdog: bool = False  # what is watched ends in time although the controller is dead or stopped
    user: tuple[int, int] | None = None  # uid and gid of its stages; None: the node's own
    here: bool = True  # its stages run on this very machine
