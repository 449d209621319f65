"""A pipeline: stages, and which of them each needs; without a word about that, the one before it."""

import math
import re
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, WithJsonSchema, model_validator

from schema.base import Wanted
from schema.codec import ParsedText
from schema.condition import ConditionError, parse
from schema.constraints import SIZES, VERSIONS, check_size, check_version
from schema.errors import Misplaced
from schema.giving_way import MIN_RUNTIME, Checkpoint
from schema.globs import Glob
from schema.inputs import Input
from schema.names import EnvironmentName, Image, InputName, Inside, Name
from schema.node import Exclusive
from schema.quantities import Duration, Limit, Size, SomeSize
from schema.reuse import expanded
from schema.rights import (
    NO_RIGHTS,
    Capability,
    Device,
    HostName,
    Namespace,
    Rights,
    Secret,
    SecurityOption,
    User,
    Volume,
    secret_record,
    volume_record,
)
from schema.search import TrialSearch
from schema.services import MOST as MOST_SERVICES
from schema.services import Command, EnvValue, Service, ServicesShare, share_of, with_services
from schema.show import Shows, patterns
from schema.suggest import did_you_mean

MOST_CHARTS = 8
MOST_POINTS = 1000
MOST_RUNS = 1000
_OWN_VALUE = re.compile(r"(?<![\w.-])values\.")
LIST_OF_VALUES = re.compile(r"\$\[\[\s*stages\.([a-z0-9][a-z0-9._-]*?)\.values\.([A-Za-z_][A-Za-z0-9_]*)\s*\]\]")


class When(StrEnum):
    """When a stage runs. `manual` asks in every chain, `manual_once` while no earlier chain answered."""

    ON_SUCCESS = "on_success"
    MANUAL = "manual"
    MANUAL_ONCE = "manual_once"
    ALWAYS = "always"
    ON_FAILURE = "on_failure"

    @property
    def asks(self) -> bool:
        return self in (When.MANUAL, When.MANUAL_ONCE)


SizeConstraint = Annotated[
    str, AfterValidator(check_size), WithJsonSchema({"type": "string", "pattern": SIZES}, mode="validation")
]
VersionConstraint = Annotated[
    str, AfterValidator(check_version), WithJsonSchema({"type": "string", "pattern": VERSIONS}, mode="validation")
]


class GpuRequirement(Wanted):
    """What each GPU must be: memory like `">=8GiB"`, model as a glob, driver like `">=550"`.

    With `share` the stage has so much of its memory, in bytes, beside others that say so too; without, all of it.
    """

    model_config = ConfigDict(title="StageGpu")

    memory: SizeConstraint | None = None
    model: str | None = Field(default=None, min_length=1, max_length=256)
    driver: VersionConstraint | None = None
    compute_capability: VersionConstraint | None = None
    share: SomeSize | None = None


class Resources(Wanted):
    cpus: float | None = Field(default=None, gt=0, le=4096)
    memory: Size | None = None
    shm_size: Size | None = None
    disk: Size | None = None
    pids: int | None = Field(default=None, gt=0)
    gpus: int = Field(default=0, ge=0, le=64)
    gpu: GpuRequirement | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.gpu is not None and not self.gpus:
            raise ValueError("`gpu` says what each GPU must be; say how many with `gpus: 1`")
        return self

    @property
    def gpu_share(self) -> int | None:
        """Bytes of each GPU's memory; None where it has its GPUs for itself."""
        return self.gpu.share if self.gpu else None

    @property
    def limits(self) -> frozenset[str]:
        """What the stage may not use more of than it says."""
        return frozenset(name for name in ("cpus", "memory", "shm_size", "pids") if getattr(self, name) is not None)


class NodeSelector(Wanted):
    """Which nodes may run the stage, and which should."""

    name: Name | None = None
    labels: tuple[str, ...] = ()
    prefer: tuple[str, ...] = ()


RetryCause = Literal["exit_code", "oom", "timeout", "image", "artifacts", "service", "infrastructure", "node_lost"]


class Retry(Wanted):
    """When a failed execution is tried again. `max` counts failures of the program only."""

    max: int = Field(default=0, ge=0, le=100)
    when: tuple[RetryCause, ...] = (
        "infrastructure",
        "node_lost",
    )
    exit_codes: tuple[int, ...] = ()
    backoff: Duration = 0.0


class Reports(Wanted):
    """`charts` are tables (CSV) to be drawn: the first column across, a line for each other column of numbers."""

    metrics: Inside | None = None
    charts: tuple[Inside, ...] = Field(default=(), max_length=MOST_CHARTS)


class Artifacts(Wanted):
    """`paths` are what the stage promises (globs in its workspace); a missing one is a failure."""

    paths: tuple[Glob, ...] = ()
    reports: Reports = Reports()


class WorkspaceOf(Wanted):
    """Of several needs, the one whose result the workspace begins with."""

    stage: Name = Field(alias="from")


class Need(Wanted):
    """A stage that has to be done before. `optional`: it may as well be skipped by its condition."""

    stage: Name
    optional: bool = False


class Repeat(Wanted):
    """A stage that runs again, on its own result, until a condition over what it gave holds."""

    until: str = Field(max_length=1000)
    max: int = Field(default=10, ge=1, le=MOST_RUNS)

    def condition_of(self, stage: str) -> str:
        """With `values.KEY`, which is what the stage itself gave, as every other value is named."""
        return _OWN_VALUE.sub(f"stages.{stage}.values.", self.until)


class Include(Wanted):
    """Stages of another pipeline, before those of this one."""

    pipeline: Name
    ref: str = Field(default="", pattern=r"^(?:[0-9a-f]{7,64})?$")
    stages: tuple[Name, ...] = Field(default=(), max_length=200)
    prefix: str = Field(default="", pattern=r"^(?:[a-z0-9][a-z0-9._-]{0,30})?$")


class Matrix(Wanted):
    """A stage that runs once for each point: a combination of `matrix`, an entry of a list, a trial of a search."""

    matrix: dict[InputName, tuple[EnvValue, ...]] | None = None
    for_each: str | None = Field(default=None, max_length=256)
    search: TrialSearch | None = None
    name: InputName | None = Field(default=None, alias="as")
    exclude: tuple[dict[InputName, EnvValue], ...] = Field(default=(), max_length=MOST_POINTS)
    max: int | None = Field(default=None, ge=1)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.search is not None and self.matrix is None and self.for_each is None:
            if self.exclude or self.name:
                raise ValueError("`exclude` and `as` do not belong to `search`")
            return self
        if (self.matrix is None) == (self.for_each is None) or self.search is not None:
            raise ValueError("give either `matrix`, lists of values, or `for_each`, a list that a stage gave")
        if self.for_each is None and self.name:
            raise ValueError("`as` names the value that an entry of `for_each` becomes")
        if self.for_each is not None and not LIST_OF_VALUES.fullmatch(self.for_each):
            raise Misplaced("$[[ stages.STAGE.values.KEY ]] is wanted, a list that an earlier stage gave", "for_each")
        if self.for_each is not None and self.exclude:
            raise Misplaced("`exclude` belongs to `matrix`", "exclude")
        for name, values in (self.matrix or {}).items():
            if not values:
                raise Misplaced(f"{name} has no values, so the matrix has no points", "matrix", name)
        for number, excluded in enumerate(self.exclude):
            if unknown := [name for name in excluded if name not in (self.matrix or {})]:
                raise Misplaced(f"{unknown[0]} is no list of the matrix", "exclude", number, unknown[0])
        if self.size > MOST_POINTS:
            raise Misplaced(f"{self.size} points are too many; at most {MOST_POINTS} are permitted", "matrix")
        return self

    @property
    def size(self) -> int:
        """How many combinations the lists have; what is excluded counts."""
        return math.prod(map(len, self.matrix.values())) if self.matrix else 0

    @property
    def giver(self) -> tuple[str, str] | None:
        """The stage and the key of the list that `for_each` names."""
        match = LIST_OF_VALUES.fullmatch(self.for_each or "")
        return (match[1], match[2]) if match else None


ASKED = frozenset(
    {
        "network", "volumes", "devices", "user", "working_dir", "extra_hosts", "secrets", "privileged", "cap_add",
        "security_opt", "pid", "ipc", "userns",
    }
)  # fmt: skip
"""Keys of a stage that ask for more than least rights."""


class Stage(Wanted):
    """One step. Without an image it is a gate: its answered inputs are its result."""

    name: Name
    description: str = ""
    image: Image | None = None
    command: Command = ()
    entrypoint: tuple[str, ...] | None = None
    env: dict[EnvironmentName, EnvValue] = {}
    resources: Resources = Resources()
    node: NodeSelector = NodeSelector()
    timeout: Limit | None = None
    idle_timeout: Limit | None = None
    grace: Duration = 10.0
    pull: Literal["missing", "always", "never"] = "missing"
    retry: Retry = Retry()
    artifacts: Artifacts = Artifacts()
    show: tuple[Shows, ...] = ()
    when: When = When.ON_SUCCESS
    confirm: str = ""
    inputs: dict[InputName, Input] = {}
    workspace: Literal["incremental", "standalone"] | WorkspaceOf = "incremental"
    cache: bool = False
    discardable: bool = False
    exclusive: bool | Exclusive = False
    resource_group: Name | None = None
    interruptible: bool = False
    min_runtime: Duration = MIN_RUNTIME
    checkpoint: Checkpoint | None = None
    needs: tuple[Name | Need, ...] | None = None
    parallel: Matrix | None = None
    condition: str | None = Field(default=None, alias="if", max_length=1000)
    allow_failure: bool = False
    repeat: Repeat | None = None
    extends: str | tuple[str, ...] = ()
    network: Name | None = None
    volumes: tuple[Volume, ...] = Field(default=(), max_length=32)
    devices: tuple[Device, ...] = Field(default=(), max_length=32)
    user: User | None = None
    working_dir: str | None = Field(default=None, pattern=r"^/[^\x00-\x1f]{0,500}$")
    extra_hosts: dict[HostName, str] = Field(default={}, max_length=32)
    secrets: tuple[Secret, ...] = Field(default=(), max_length=32)
    privileged: bool = False
    cap_add: tuple[Capability, ...] = Field(default=(), max_length=64)
    security_opt: tuple[SecurityOption, ...] = Field(default=(), max_length=16)
    pid: Namespace | None = None
    ipc: Namespace | None = None
    userns: Namespace | None = None
    services: tuple[Service, ...] = Field(default=(), max_length=MOST_SERVICES)

    @property
    def limits(self) -> frozenset[str]:
        """What it and its services may not use more of than they say."""
        return self.resources.limits.union(*(each.resources.limits for each in self.services))

    @property
    def services_share(self) -> ServicesShare | None:
        return share_of(self.services)

    @property
    def counted(self) -> tuple[float | None, int | None]:
        """Cores and memory that it names, with its services'."""
        return with_services(self.resources.cpus, self.resources.memory, self.services_share)

    @property
    def rights(self) -> Rights:
        """What it asks for beyond least rights; `network: none` is what every stage has."""
        if not self.model_fields_set & ASKED:
            return NO_RIGHTS
        return Rights(
            network="" if self.network in (None, "none") else self.network or "",
            volumes=tuple(map(volume_record, self.volumes)),
            devices=self.devices,
            user=self.user or "",
            working_dir=self.working_dir or "",
            extra_hosts=self.extra_hosts,
            secrets=tuple(map(secret_record, self.secrets)),
            privileged=self.privileged,
            cap_add=self.cap_add,
            security_opt=self.security_opt,
            host=tuple(name for name in ("pid", "ipc", "userns") if getattr(self, name)),
        )

    @property
    def shown_files(self) -> tuple[str, ...]:
        """Patterns of files that a person should look at."""
        return patterns(self.show)

    @property
    def branching(self) -> bool:
        """Whether it is more than one of a row of stages."""
        said = self.needs is not None or self.parallel is not None or self.condition is not None
        return said or self.allow_failure or self.repeat is not None or isinstance(self.workspace, WorkspaceOf)

    @property
    def gate(self) -> bool:
        return self.image is None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.gate and not self.when.asks:
            raise ValueError(f"stage {self.name!r} has no image; a gate needs `when: manual`")
        if self.gate and (self.command or self.entrypoint):
            raise ValueError(f"stage {self.name!r} has a command but no image to run it in")
        if self.inputs and not self.when.asks:
            raise ValueError(f"stage {self.name!r} asks for inputs; that needs `when: manual`")
        if self.gate and self.cache:
            raise ValueError(f"stage {self.name!r} has no image; `cache` is for stages that run")
        if self.gate and self.exclusive:
            raise Misplaced(f"stage {self.name!r} has no image; `exclusive` is for stages that run", "exclusive")
        if self.gate and (self.interruptible or self.checkpoint):
            raise Misplaced(f"stage {self.name!r} has no image; only what runs is interrupted", "interruptible")
        if "min_runtime" in self.model_fields_set and not self.interruptible:
            raise Misplaced("`min_runtime` is for a stage with `interruptible: true`", "min_runtime")
        if self.gate and self.parallel:
            raise Misplaced(f"stage {self.name!r} has no image; `parallel` is for stages that run", "parallel")
        if self.gate and self.rights != NO_RIGHTS:
            raise ValueError(f"stage {self.name!r} has no image; rights are for stages that run")
        self._check_services()
        if self.extra_hosts and self.network in (None, "none"):
            raise Misplaced("a stage without `network` reaches no host", "extra_hosts")
        if self.gate and self.repeat:
            raise Misplaced(f"stage {self.name!r} has no image; `repeat` is for stages that run", "repeat")
        if self.condition is not None:
            _readable(self.condition, "if")
        if self.repeat is not None:
            _readable(self.repeat.condition_of(self.name), "repeat", "until")
        return self

    def _check_services(self) -> None:
        if self.gate and self.services:
            raise Misplaced(f"stage {self.name!r} has no image; `services` are for stages that run", "services")
        if self.cache and self.services:
            raise Misplaced("what comes of services is not known beforehand; `cache` is for stages without", "cache")
        names = [each.name for each in self.services]
        for at, name in enumerate(names):
            if name in names[:at]:
                raise Misplaced(f"two services are called {name!r}", "services", at, "name")
            if name in self.extra_hosts:
                raise Misplaced(f"{name!r} is a service already", "extra_hosts", name)


def _readable(condition: str, *path: str) -> None:
    try:
        parse(condition)
    except ConditionError as error:
        raise Misplaced(str(error), *path) from None


class Pipeline(Wanted):
    """A named definition, `pipelines/<name>.yaml`. A chain keeps it written out: without the last three."""

    name: Name
    description: str = ""
    env: dict[EnvironmentName, EnvValue] = {}
    inputs: dict[InputName, Input] = {}
    fail_fast: bool = False
    stages: tuple[Stage, ...] = Field(min_length=1, max_length=200)
    include: tuple[Include, ...] = Field(default=(), max_length=20)
    default: dict[str, Any] = {}
    templates: dict[Name, dict[str, Any]] = {}

    @classmethod
    def written_out(cls, parsed: ParsedText) -> ParsedText:
        return expanded(parsed)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        names = [stage.name for stage in self.stages]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two stages are called {name!r}")
        for at, stage in enumerate(self.stages):
            self._check_needs(at, stage, names)
            self._check_source(at, stage)
        return self

    def _check_needs(self, at: int, stage: Stage, names: list[str]) -> None:
        seen: set[str] = set()
        for place, need in enumerate(self.needs(stage.name)):
            path = ("stages", at, "needs", place)
            if need.stage not in names and self.include:
                continue  # one that is included, it may be; that is seen once it is
            if need.stage not in names:
                hint = did_you_mean(need.stage, names)
                raise Misplaced(f"stage {stage.name!r} needs {need.stage!r}, which is no stage{hint}", *path)
            if need.stage in seen:
                raise Misplaced(f"stage {stage.name!r} names {need.stage!r} twice", *path)
            seen.add(need.stage)
            if names.index(need.stage) >= at:
                if cycle := self._cycle(stage.name):
                    raise Misplaced(f"the stages need each other in a circle: {' needs '.join(cycle)}", *path)
                raise Misplaced(f"stage {stage.name!r} needs {need.stage!r}, which stands below it; move it up", *path)

    def _check_source(self, at: int, stage: Stage) -> None:
        needed = [need.stage for need in self.needs(stage.name)]
        if self.include and stage.needs is None:
            return
        if isinstance(stage.workspace, WorkspaceOf) and stage.workspace.stage not in needed:
            text = f"the workspace begins with what {stage.workspace.stage!r} left, which is not in `needs`"
            raise Misplaced(text, "stages", at, "workspace", "from")

    def _cycle(self, begin: str) -> list[str]:
        """The stages from one back to itself; nothing where there is no such way."""
        ways = [[begin]]
        known = {begin}
        for way in ways:
            for need in self.needs(way[-1]) if self.stage(way[-1]) else ():
                if need.stage == begin:
                    return [*way, begin]
                if need.stage not in known:
                    known.add(need.stage)
                    ways.append([*way, need.stage])
        return []

    def stage(self, name: str) -> Stage | None:
        return next((stage for stage in self.stages if stage.name == name), None)

    def index(self, name: str) -> int:
        return next(i for i, stage in enumerate(self.stages) if stage.name == name)

    def needs(self, name: str) -> tuple[Need, ...]:
        """What a stage says that it needs, and the stage before it where it says nothing."""
        at = self.index(name)
        said = self.stages[at].needs
        if said is None:
            return (Need(stage=self.stages[at - 1].name),) if at else ()
        return tuple(need if isinstance(need, Need) else Need(stage=need) for need in said)

    @property
    def plain(self) -> bool:
        """A row of stages, as every version of Winslow runs it."""
        return not (self.fail_fast or any(stage.branching for stage in self.stages))


def explicit(pipeline: Pipeline) -> Pipeline:
    """The same, every stage naming what it needs: versions that know rows only cannot read it, and let it alone."""
    stages = tuple(s.model_copy(update={"needs": pipeline.needs(s.name)}) for s in pipeline.stages)
    return pipeline.model_copy(update={"stages": stages})


def with_times(pipeline: Pipeline, usual: Exclusive) -> Pipeline:
    """The same, every exclusive stage naming its times, as its chain keeps them.

    Versions that would run such a stage as any other cannot read it, and let it alone.
    """
    if not any(stage.exclusive is True for stage in pipeline.stages):
        return pipeline
    told = {stage.name: usual for stage in pipeline.stages if stage.exclusive is True}
    stages = (s.model_copy(update={"exclusive": told[s.name]}) if s.name in told else s for s in pipeline.stages)
    return pipeline.model_copy(update={"stages": tuple(stages)})
