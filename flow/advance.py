"""What a project wants next. One pure function without time, called by nodes, page, `plan` and simulator alike."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from flow.chains import Chain, Floor, fold
from flow.interpolate import InterpolationError, Scope, resolve
from flow.memo import shared
from schema.execution import Changes, Execution, State
from schema.inputs import Input, InputError, Kind, Value, fit_all, missing, with_defaults
from schema.pipeline import EnvValue, Pipeline, Stage, When
from schema.project import Project
from schema.reasons import INFRASTRUCTURE, TRIGGERS, End, Wait
from schema.reply import Reply

MAX_LOSSES = 3
"""After so many losses in one chain a slot fails with NodeLost: it may be what kills the nodes."""


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

    @property
    def key(self) -> tuple[object, ...]:
        return (self.chain, self.request, self.stage.name, self.attempt)

    @property
    def files(self) -> tuple[str, ...]:
        """What it reads of the pool."""
        inputs = self.scope.inputs
        names = (name for name, spec in self.scope.specs.items() if spec.type is Kind.FILE and inputs.get(name))
        return tuple(str(inputs[name]) for name in names)


@dataclass(frozen=True, slots=True)
class Waiting:
    """Why nothing is to be started, at which stage, and what a person is asked for."""

    reason: Wait
    stage: str | None = None
    text: str = ""
    asks: Mapping[str, Input] = field(default_factory=dict)
    execution: int | None = None


@dataclass(frozen=True, slots=True)
class Steps:
    """Either a slot to run, or why not; and what runs already (in any chain)."""

    chain: Chain | None
    run: Slot | None = None
    wait: Waiting | None = None
    active: tuple[Execution, ...] = ()
    satisfied: frozenset[str] = frozenset()
    stage: str | None = None  # where the chain stands: running, wanted, or waited for
    source: int | None = None  # the execution whose workspace it goes on from there

    @property
    def running(self) -> Execution | None:
        """The execution of the latest chain that is in the way of the next one."""
        return next(
            (e for e in self.active if self.chain and e.chain == self.chain.seq and e.stage == self.stage), None
        )


def next_steps(
    pipeline: Pipeline | None, project: Project | None, replies: Sequence[Reply], executions: Sequence[Execution]
) -> Steps:
    """`pipeline` is the definition that the latest chain keeps; executions are by number."""
    active = tuple(e for e in executions if e.state.active)
    chains = fold(replies)
    if not chains:
        return Steps(None, wait=Waiting(Wait.NOT_STARTED, text="never started"), active=active)
    if pipeline is None or project is None:
        return Steps(chains[-1], wait=Waiting(Wait.INVALID, text="its definition cannot be read"), active=active)
    steps = _Walk(pipeline, project, chains[-1], executions).steps()
    return replace(steps, active=active)


class _Walk:
    """One pass along the stages of the latest chain."""

    def __init__(self, pipeline: Pipeline, project: Project, chain: Chain, executions: Sequence[Execution]) -> None:
        self.pipeline, self.project, self.chain = pipeline, project, chain
        self.mine = [e for e in executions if e.chain == chain.seq]
        self.by_number = {e.execution: e for e in executions}
        self.floors = floors(pipeline, chain)
        self.satisfied: set[str] = set()
        self.values: dict[str, Execution | Mapping[str, object]] = {}  # of each stage, or the execution that has them
        self.source, self.changes = chain.base, chain.changes
        self.problem = ""
        self.inputs = self._inputs()

    def _inputs(self) -> dict[str, Value]:
        try:
            wanted = fit_all(self.pipeline.inputs, self.project.inputs)
            known = {name: value for name, value in self.chain.inputs.items() if name in self.pipeline.inputs}
            return with_defaults(self.pipeline.inputs, {**wanted, **fit_all(self.pipeline.inputs, known)})
        except InputError as error:
            self.problem = str(error)
            return {}

    def steps(self) -> Steps:
        begin = self._begin()
        self._before(begin)
        failed: Waiting | None = None
        for stage in self.pipeline.stages[begin:]:
            if self._skipped(stage):
                self.satisfied.add(stage.name)
                continue
            if self._passed_over(stage, failed):
                continue
            step = self._step(stage)
            if step is None:
                self.satisfied.add(stage.name)
                if self.chain.pause_at == stage.name and not failed:
                    return self._paused_after(stage)
                continue
            if step.wait and step.wait.reason in (Wait.FAILED, Wait.REJECTED) and not failed:
                failed = step.wait
                continue
            return step if not failed or step.run or step.wait is None else self._waits(failed)
        if failed:
            return self._waits(failed)
        return self._waits(Waiting(Wait.DONE, text="every stage is done"))

    def _skipped(self, stage: Stage) -> bool:
        return self.chain.skipped.get(stage.name, 0) > self.floors[stage.name].seq

    def _answer(self, stage: Stage) -> Mapping[str, Value] | None:
        answer = self.chain.answers.get(stage.name)
        return answer.values if answer and answer.seq > self.floors[stage.name].seq else None

    def _begin(self) -> int:
        return self.pipeline.index(self.chain.stage) if self.pipeline.stage(self.chain.stage) else 0

    def _before(self, begin: int) -> None:
        """Stages before the chain's position: what they left still gives values and the workspace."""
        lineage = {e.stage: e for e in self._lineage(self.chain.base)}
        for stage in self.pipeline.stages[:begin]:
            success = next((e for e in reversed(self.mine) if e.stage == stage.name and _succeeded(e)), None)
            if success:
                self._took(stage, success)
            elif stage.name in lineage:
                self.values[stage.name] = lineage[stage.name]
            elif stage.name in self.chain.answers:
                self.values[stage.name] = self.chain.answers[stage.name].values
            elif stage.name in self.chain.inherited:
                self.values[stage.name] = self.chain.inherited[stage.name]
        if self.chain.rebased:
            self.source, self.changes = self.chain.base, self.chain.changes

    def _lineage(self, number: int | None) -> Iterator[Execution]:
        """The executions that a workspace was built by, newest first."""
        while number is not None and number in self.by_number:
            execution = self.by_number[number]
            yield execution
            number = execution.workspace.source

    def _took(self, stage: Stage, success: Execution) -> None:
        self.values[stage.name] = success
        self.source, self.changes = success.execution, None
        self.satisfied.add(stage.name)

    def _passed_over(self, stage: Stage, failed: Waiting | None) -> bool:
        if failed:
            return stage.when not in (When.ALWAYS, When.ON_FAILURE)
        return stage.when is When.ON_FAILURE

    def _step(self, stage: Stage) -> Steps | None:
        """What this stage needs now; None when it is satisfied."""
        runs = [e for e in self.mine if e.stage == stage.name and e.execution > self.floors[stage.name].after]
        newest = next((e for e in reversed(runs) if e.state is not State.SUPERSEDED), None)
        if newest and newest.state.active:
            return self._at(stage.name)
        if newest and _succeeded(newest):
            self._took(stage, newest)
            return None
        if stage.when.asks and not self._answered(stage):
            text = stage.confirm or f"stage {stage.name!r} waits for a person"
            return self._waits(Waiting(Wait.MANUAL_APPROVAL, stage.name, text, stage.inputs))
        if stage.gate:
            return self._gate(stage)
        return self._wanted(stage, runs, newest)

    def _answered(self, stage: Stage) -> bool:
        if self._answer(stage) is not None:
            return True
        return stage.when is When.MANUAL_ONCE and stage.name in self.chain.answered_once

    def _gate(self, stage: Stage) -> Steps | None:
        answer = self._answer(stage) or {}
        self.values[stage.name] = answer
        if answer.get("keep") is False:
            return self._waits(Waiting(Wait.REJECTED, stage.name, f"rejected at {stage.name!r}"))
        return None

    def _wanted(self, stage: Stage, runs: Sequence[Execution], newest: Execution | None) -> Steps:
        slot = self._slot(stage, runs, newest)
        if isinstance(slot, Waiting):
            return self._waits(slot)
        if self.chain.paused:
            return self._pause(stage)
        if waiting := self._lacking(stage):
            return self._waits(waiting)
        return replace(self._at(stage.name), run=slot)

    def _lacking(self, stage: Stage) -> Waiting | None:
        if self.problem:
            return Waiting(Wait.INVALID, stage.name, self.problem)
        lacking = missing(self.pipeline.inputs, self.inputs)
        if lacking:
            asks = {name: self.pipeline.inputs[name] for name in lacking}
            return Waiting(Wait.INPUT_MISSING, stage.name, f"needs a value for {', '.join(lacking)}", asks)
        try:
            resolve(stage, self._env(stage), self._scope(stage))
        except InterpolationError as error:
            return Waiting(Wait.INVALID, stage.name, str(error))
        return None

    def _slot(self, stage: Stage, runs: Sequence[Execution], newest: Execution | None) -> Slot | Waiting:
        attempt = len(runs) + 1
        losses = [e for e in runs if e.state in (State.LOST, State.SUPERSEDED)]
        replaces = failure = None
        if newest and newest.state is State.LOST:
            if len(losses) >= MAX_LOSSES:
                text = f"{End.NODE_LOST}: lost {len(losses)} nodes in this chain"
                return Waiting(Wait.FAILED, stage.name, text, execution=newest.execution)
            if "node_lost" not in stage.retry.when:
                text = f"node {newest.claim.node} is away with execution {newest.execution}"
                return Waiting(Wait.NODE_OFFLINE, stage.name, text, execution=newest.execution)
            replaces = newest.execution
        elif newest:
            if not granted(stage, runs, newest):
                return Waiting(Wait.FAILED, stage.name, _why(newest), execution=newest.execution)
            failure = newest.execution
        failures = sum(e.state in (State.FAILED, State.ABORTED) for e in runs)
        image = self.chain.images.get(stage.name)
        return Slot(
            stage=stage.model_copy(update={"image": image}) if image else stage,
            chain=self.chain.seq,
            request=self.chain.request,
            attempt=attempt,
            scope=self._scope(stage),
            source=None if stage.workspace == "standalone" else self.source,
            changes=None if stage.workspace == "standalone" else self.changes,
            env=self._env(stage),
            replaces=replaces,
            after_failure=failure,
            backoff=stage.retry.backoff * 2 ** (failures - 1) if failure else 0.0,
            shun=frozenset(e.claim.node for e in losses),
            fresh=self.chain.fresh,
        )

    def _scope(self, stage: Stage) -> Scope:
        answered = {k: v for k, v in (self._answer(stage) or {}).items() if k in stage.inputs}
        specs = {**self.pipeline.inputs, **stage.inputs}
        return Scope({**self.inputs, **answered}, specs, {name: _values(each) for name, each in self.values.items()})

    def _env(self, stage: Stage) -> dict[str, Mapping[str, EnvValue]]:
        layers = {
            "pipeline": self.pipeline.env, "stage": stage.env,
            "project": self.project.env, "request": dict(self.chain.env),
        }  # fmt: skip
        return {name: layer for name, layer in layers.items() if layer}

    def _pause(self, stage: Stage) -> Steps:
        return self._waits(Waiting(Wait.PAUSE_REQUESTED, stage.name, f"paused before {stage.name!r}"))

    def _paused_after(self, stage: Stage) -> Steps:
        at = self.pipeline.index(stage.name) + 1
        if at == len(self.pipeline.stages):
            return self._waits(Waiting(Wait.DONE, text="every stage is done"))
        following = self.pipeline.stages[at].name
        return self._waits(Waiting(Wait.PAUSE_REQUESTED, following, f"paused after {stage.name!r}, as asked"))

    def _waits(self, waiting: Waiting) -> Steps:
        return replace(self._at(waiting.stage), wait=waiting)

    def _at(self, stage: str | None) -> Steps:
        return Steps(self.chain, stage=stage, satisfied=shared(frozenset(self.satisfied)), source=self.source)


def floors(pipeline: Pipeline, chain: Chain) -> dict[str, Floor]:
    """For each stage the newest position of the chain that lies at or before it."""
    result = {stage.name: Floor(stage.name, 0, chain.seq) for stage in pipeline.stages}
    for position in chain.positions:
        if pipeline.stage(position.stage):
            for stage in pipeline.stages[pipeline.index(position.stage) :]:
                result[stage.name] = position
    return result


def granted(stage: Stage, runs: Sequence[Execution], newest: Execution) -> bool:
    """Whether the retry policy grants another attempt after `newest`, a failed execution."""
    if newest.state is not State.FAILED or newest.reason is None:
        return False
    covered = any(newest.reason in TRIGGERS.get(word, frozenset()) for word in stage.retry.when)
    if not covered:
        return False
    if newest.reason in INFRASTRUCTURE:
        return sum(e.reason in INFRASTRUCTURE for e in runs) < MAX_LOSSES
    code = newest.result.exit_code if newest.result else None
    if newest.reason is End.EXIT_CODE and stage.retry.exit_codes and code not in stage.retry.exit_codes:
        return False
    used = sum(e.state is State.FAILED and e.reason not in INFRASTRUCTURE for e in runs)
    return used <= stage.retry.max


def _values(left: Execution | Mapping[str, object]) -> Mapping[str, object]:
    if isinstance(left, Execution):
        return left.result.values if left.result else {}
    return left


def _succeeded(execution: Execution) -> bool:
    return execution.state is State.SUCCEEDED


def _why(execution: Execution) -> str:
    reason = execution.reason or End.EXIT_CODE
    return f"{reason}: {execution.text}" if execution.text else str(reason)


def still_wanted(pipeline: Pipeline | None, replies: Sequence[Reply], execution: Execution) -> bool:
    """Whether the fold, with this execution counted as running, has a use for it."""
    chains = fold(replies)
    if not chains or pipeline is None:
        return False
    latest = chains[-1]
    if execution.chain != latest.seq:
        return any(chain.seq == execution.chain for chain in chains)
    stage = pipeline.stage(execution.stage)
    if stage is None:
        return False
    floor = floors(pipeline, latest)[stage.name]
    return execution.execution > floor.after and latest.skipped.get(stage.name, 0) <= floor.seq
