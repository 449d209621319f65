"""Shapes of executions: in a list, whole, beside each other, and where one comes from."""

from collections.abc import Collection, Sequence
from typing import Any

from pydantic import BaseModel, Field

from flow.status import compare
from flow.status.compare_points import NoSuchMeasure, compared
from flow.status.states import state_class
from schema.execution import Execution, Times
from webui.api.dependencies import Part


class ExecutionLine(BaseModel):
    """An execution on one line."""

    execution: int = Field(description="its number in the project")
    stage: str = Field(description="what ran")
    state: str = Field(description="claimed preparing running lost succeeded failed aborted or superseded")
    state_class: str = Field(description="RUNNING PAUSED SUCCEEDED or FAILED")
    reason: str | None = Field(description="the code why it did not succeed")
    text: str = Field(description="the reason in words")
    attempt: int = Field(description="how many-th run of this stage in its chain")
    chain: int = Field(description="`seq` of the start it descends from")
    node: str = Field(description="where it ran")
    gpus: list[str] = Field(description="GPUs that it had, by UUID")
    built_on: int | None = Field(description="the execution whose result it began with")
    times: Times = Field(description="by the node's clock, UTC")
    seconds: float | None = Field(description="how long it ran; null until it has ended")
    metrics: dict[str, float] = Field(description="numbers that it reported")
    stale: bool = Field(description="it is built on a result that was made anew since")


class Executions(Part[ExecutionLine]):
    """So many executions."""


class ExecutionDetail(BaseModel):
    """The whole record as it stands in the repository, and what follows from others."""

    stale: bool = Field(description="it is built on a result that was made anew since")
    state_class: str = Field(description="RUNNING PAUSED SUCCEEDED or FAILED")
    seconds: float | None = Field(description="how long it ran; null until it has ended")
    record: Execution = Field(description="`executions/NNNN-STAGE.yaml`, field by field")


class Difference(BaseModel):
    """One thing of two executions."""

    group: str = Field(description="execution input env value or metric")
    name: str = Field(description="what it is")
    left: Any = Field(description="of the first; null where it has none")
    right: Any = Field(description="of the second; null where it has none")
    change: float | None = Field(description="the difference of two numbers")
    percent: float | None = Field(description="that, relative to the first")
    same: bool = Field(description="both are equal")


class Comparison(BaseModel):
    """Two executions side by side."""

    left: int = Field(description="number of the first")
    right: int = Field(description="number of the second")
    rows: list[Difference] = Field(description="every name that either has")


class RankedRun(BaseModel):
    """One run of a stage. `settings` are only those that differ between the rows."""

    execution: int = Field(description="its number")
    slot: str = Field(description="its stage, and the point of it")
    state: str = Field(description="how it stands")
    settings: dict[str, Any] = Field(description="inputs and environment that differ")
    measures: dict[str, Any] = Field(description="values and metrics that it gave")


class RankedRuns(BaseModel):
    """Runs of one stage, the best first."""

    stage: str = Field(description="its name")
    rows: list[RankedRun] = Field(description="what has no such measure comes last")
    problem: str = Field("", description="why they are not ranked: none has that measure")


class Step(BaseModel):
    """One execution on the way to a result. Values are those of its record."""

    project: str = Field(description="its project")
    execution: int = Field(description="its number")
    stage: str = Field(description="what ran")
    state: str = Field(description="how it ended")
    cached: dict[str, Any] | None = Field(description="whose result was taken, where it did not run")
    image: dict[str, Any] | None = Field(description="what ran: reference and digest")
    command: list[str] = Field(description="its arguments")
    inputs: list[dict[str, Any]] = Field(description="each `name` and `value`, `by` whom, and by which `request`")
    env: dict[str, dict[str, Any]] = Field(description="what people set, by origin")
    workspace: dict[str, Any] = Field(description="what it began with")
    node: str = Field(description="where it ran")
    gpus: list[str] = Field(description="GPUs that it had")
    exit_code: int | None = Field(description="of the program")
    manifest: str | None = Field(description="digest of what it left")
    times: dict[str, Any] = Field(description="by the node's clock, UTC")
    definition: str = Field(description="commit of `main` whose definition held")
    requests: list[dict[str, Any]] = Field(description="accepted requests that led to it: who, when, why")
    commits: dict[str, str] = Field(description="commits of `winslow/state` that report it, by event")


class Provenance(BaseModel):
    """Where a result comes from."""

    project: str = Field(description="of the execution that was asked about")
    execution: int = Field(description="its number")
    chain: list[Step] = Field(description="it, what it was built on, and so on to the first")


class Used(BaseModel):
    """What an execution used of its machine. Nothing of what ran on another one."""

    time: list[float] = Field(description="seconds since 1970")
    series: dict[str, list[float | None]] = Field(
        description="over these times: `cpu` in percent of one core, `memory` in bytes, `gpu` `gpu_memory` `progress` "
        "in percent; null where nothing was measured"
    )


def ranked(stage: str, runs: Sequence[Execution], by: str, *, lowest: bool) -> RankedRuns:
    problem = ""
    try:
        rows = compared(runs, by=by, lowest=lowest)
    except NoSuchMeasure as error:
        rows, problem = compared(runs), str(error)
    found = [
        RankedRun(
            execution=row.execution.execution,
            slot=row.execution.slot,
            state=str(row.execution.state),
            settings=dict(row.settings),
            measures=dict(row.measures),
        )
        for row in rows
    ]
    return RankedRuns(stage=stage, rows=found, problem=problem)


def line(record: Execution, stale: Collection[int]) -> ExecutionLine:
    return ExecutionLine(
        execution=record.execution, stage=record.stage, state=str(record.state), state_class=_class(record),
        reason=record.reason and str(record.reason), text=record.text, attempt=record.attempt, chain=record.chain,
        node=record.claim.node, gpus=list(record.gpus), built_on=record.workspace.source, times=record.times,
        seconds=compare.duration(record), metrics=record.result.metrics if record.result else {},
        stale=record.execution in stale,
    )  # fmt: skip


def detail(record: Execution, stale: Collection[int]) -> ExecutionDetail:
    return ExecutionDetail(
        stale=record.execution in stale,
        state_class=_class(record),
        seconds=compare.duration(record),
        record=record,
    )


def _class(record: Execution) -> str:
    return "RUNNING" if record.state.active else state_class(str(record.state))


def comparison(left: Execution, right: Execution) -> Comparison:
    rows = [
        Difference(group=each.group, name=each.name, left=each.left, right=each.right, change=each.change,
                   percent=each.percent, same=each.same)
        for each in compare.compare(left, right)
    ]  # fmt: skip
    return Comparison(left=left.execution, right=right.execution, rows=rows)
