"""A pipeline: stages in the order in which they run."""

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, ValidationInfo, WithJsonSchema, model_validator

from schema.base import Wanted, is_kept
from schema.constraints import check_size, check_version
from schema.globs import Glob
from schema.inputs import Input
from schema.names import EnvironmentName, Image, InputName, Inside, Name
from schema.quantities import Duration, Limit, Size

EnvValue = str | int | float | bool
MOST_CHARTS = 8


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


SizeConstraint = Annotated[str, AfterValidator(check_size)]
VersionConstraint = Annotated[str, AfterValidator(check_version)]


class Gpu(Wanted):
    """What each GPU must be: memory like `">=8GiB"`, model as a glob, driver like `">=550"`."""

    memory: SizeConstraint | None = None
    model: str | None = Field(default=None, min_length=1, max_length=256)
    driver: VersionConstraint | None = None
    compute_capability: VersionConstraint | None = None


class Resources(Wanted):
    cpus: float | None = Field(default=None, gt=0, le=4096)
    memory: Size | None = None
    shm_size: Size | None = None
    pids: int | None = Field(default=None, gt=0)
    gpus: int = Field(default=0, ge=0, le=64)
    gpu: Gpu | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.gpu is not None and not self.gpus:
            raise ValueError("`gpu` says what each GPU must be; say how many with `gpus: 1`")
        return self

    @property
    def limits(self) -> bool:
        return any(value is not None for value in (self.cpus, self.memory, self.shm_size, self.pids))


class NodeSelector(Wanted):
    """Which nodes may run the stage, and which should."""

    name: Name | None = None
    labels: tuple[str, ...] = ()
    prefer: tuple[str, ...] = ()


class Retry(Wanted):
    """When a failed execution is tried again. `max` counts failures of the program only."""

    max: int = Field(default=0, ge=0, le=100)
    when: tuple[Literal["exit_code", "oom", "timeout", "image", "artifacts", "infrastructure", "node_lost"], ...] = (
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


class Matrix(Wanted):
    matrix: dict[str, tuple[EnvValue, ...]]


def _not_empty(command: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
    if not command and not is_kept(info):
        raise ValueError("an empty list is no command; leave it out to run the image's own")
    return command


Command = Annotated[
    tuple[str, ...],
    AfterValidator(_not_empty),
    WithJsonSchema({"type": "array", "items": {"type": "string"}, "minItems": 1}, mode="validation"),
]
"""Arguments, without a shell."""


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
    show: tuple[Glob, ...] = ()
    when: When = When.ON_SUCCESS
    confirm: str = ""
    inputs: dict[InputName, Input] = {}
    workspace: Literal["incremental", "standalone"] = "incremental"
    cache: bool = False
    discardable: bool = False
    exclusive: bool = False
    needs: tuple[Name, ...] | None = None
    parallel: Matrix | None = None
    condition: str | None = Field(default=None, alias="if")

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
        return self


class Pipeline(Wanted):
    """A named definition, `pipelines/<name>.yaml`."""

    name: Name
    description: str = ""
    env: dict[EnvironmentName, EnvValue] = {}
    inputs: dict[InputName, Input] = {}
    stages: tuple[Stage, ...] = Field(min_length=1, max_length=200)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        names = [stage.name for stage in self.stages]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two stages are called {name!r}")
        for stage in self.stages:
            for need in stage.needs or ():
                if need not in names:
                    raise ValueError(f"stage {stage.name!r} needs {need!r}, which is no stage")
        return self

    def stage(self, name: str) -> Stage | None:
        return next((stage for stage in self.stages if stage.name == name), None)

    def index(self, name: str) -> int:
        return next(i for i, stage in enumerate(self.stages) if stage.name == name)


def unsupported(pipeline: Pipeline) -> str | None:
    """The sentence that refuses what this version does not run yet, or None."""
    for stage in pipeline.stages:
        for used, word in (
            (stage.needs is not None, "needs"),
            (stage.parallel is not None, "parallel.matrix"),
            (stage.condition is not None, "if"),
            (stage.exclusive, "exclusive: true"),
        ):
            if used:
                return f"stage {stage.name!r} uses `{word}`, which this version of Winslow does not run yet"
    return None
