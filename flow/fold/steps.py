"""What a project wants next, as values: slots to run, waits, and where each stage stands."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

from flow.fold.chains import Chain
from flow.fold.interpolation import Scope
from schema.execution import Changes, Execution, slot_name
from schema.inputs import Input, InputKind
from schema.pipeline import Stage
from schema.reasons import Wait
from schema.services import EnvValue

Status = Literal["pending", "run", "active", "waiting", "done", "passed", "skipped", "failed", "blocked"]
"""Of a slot. `passed`: it is not wanted in this chain, and what needs it goes on; `skipped`: by its condition."""


@dataclass(frozen=True, slots=True)
class Slot:
    """One execution that is wanted now, with all that determines it."""

    stage: Stage
    chain: int
    request: str
    attempt: int
    scope: Scope
    source: int | None  # execution whose workspace it starts from
    env: Mapping[str, Mapping[str, EnvValue]]
    replaces: int | None = None  # a lost execution, superseded by the claim
    after_failure: int | None = None  # the execution whose failure it retries
    backoff: float = 0.0
    shun: frozenset[str] = frozenset()  # nodes it was lost on
    changes: Changes | None = None  # of the workspace it starts from
    fresh: bool = False  # no earlier result is taken for it
    point: int | None = None  # of a matrix
    needs: Mapping[str, tuple[int, ...]] = field(default_factory=dict)  # the executions whose results it may read
    conditions: Mapping[str, str] = field(default_factory=dict)  # why a stage that it needs was skipped
    saved: int | None = None  # the execution of which it begins with what that had saved

    @property
    def name(self) -> str:
        return slot_name(self.stage.name, self.point)

    @property
    def key(self) -> tuple[object, ...]:
        return (self.chain, self.request, self.name, self.attempt)

    @property
    def files(self) -> tuple[str, ...]:
        """What it reads of the pool."""
        return tuple(str(self.scope.inputs[name]) for name in self._in_pool)

    @property
    def single_files(self) -> tuple[str, ...]:
        """The same without folders."""
        kinds = {name: self.scope.specs[name].type for name in self._in_pool}
        return tuple(str(self.scope.inputs[name]) for name, kind in kinds.items() if kind is InputKind.FILE)

    @property
    def _in_pool(self) -> tuple[str, ...]:
        """Names of inputs."""
        return tuple(n for n, spec in self.scope.specs.items() if spec.type.in_pool and self.scope.inputs.get(n))


@dataclass(frozen=True, slots=True)
class Waiting:
    """Why something is not started, at which stage, and what a person is asked for."""

    reason: Wait
    stage: str | None = None
    text: str = ""
    asks: Mapping[str, Input] = field(default_factory=dict)
    execution: int | None = None
    point: int | None = None


@dataclass(frozen=True, slots=True)
class PointStanding:
    point: int
    status: Status
    text: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a stage stands, with the points of its matrix if it has one."""

    stage: str
    status: Status
    text: str = ""
    points: tuple[PointStanding, ...] = ()


@lru_cache(4096)
def plain_standing(stage: str, status: Status, text: str = "") -> Standing:
    """Of a stage without points: the same object in thousands of projects."""
    return Standing(stage, status, text)


_FOREMOST = (
    Wait.MANUAL_APPROVAL, Wait.INPUT_MISSING, Wait.FAILED, Wait.REJECTED, Wait.PAUSE_REQUESTED, Wait.NODE_OFFLINE,
    Wait.INVALID,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Steps:
    """All that is wanted now, what waits, and what runs already (in any chain)."""

    chain: Chain | None
    slots: tuple[Slot, ...] = ()
    waits: tuple[Waiting, ...] = ()
    active: tuple[Execution, ...] = ()
    standings: tuple[Standing, ...] = ()
    sources: tuple[int, ...] = ()  # executions whose results stages that are to come begin with, or read
    left_out: frozenset[str] = frozenset()  # stages that a person skipped
    stops: Mapping[int, str] = field(default_factory=dict)  # executions to be ended, and why
    bases: Mapping[tuple[str, int | None], int] = field(default_factory=dict)  # of slots that repeat: the newest result

    @property
    def run(self) -> Slot | None:
        """The first slot that is wanted."""
        return self.slots[0] if self.slots else None

    @property
    def wait(self) -> Waiting | None:
        """What the chain as a whole waits for; None while something runs, or is wanted."""
        if self.slots or self.running:
            return None
        return self.foremost

    @property
    def foremost(self) -> Waiting | None:
        """Of everything that waits, what a person should see to first."""
        order = {reason: place for place, reason in enumerate(_FOREMOST)}
        return min(self.waits, key=lambda each: order.get(each.reason, len(order)), default=None)

    @property
    def asked(self) -> tuple[Waiting, ...]:
        """Where a person is asked for something, whatever else runs."""
        return tuple(each for each in self.waits if each.reason in (Wait.MANUAL_APPROVAL, Wait.INPUT_MISSING))

    @property
    def running(self) -> Execution | None:
        """An execution that the latest chain waits for."""
        waited = {each.stage for each in self.standings if each.status == "active"}
        return next((e for e in self.active if self.chain and e.stage in waited), None)

    @property
    def stage(self) -> str | None:
        """Where the chain stands: running, wanted, or waited for."""
        if running := self.running:
            return running.stage
        if self.slots:
            return self.slots[0].stage.name
        return self.foremost.stage if self.foremost else None

    def standing(self, stage: str) -> Standing | None:
        return next((each for each in self.standings if each.stage == stage), None)
