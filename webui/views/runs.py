"""The history of a project as it is shown: by stage, redos under each other, metrics over all of them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from flow.model.snapshot import ProjectView
from flow.status.states import stale
from schema.execution import Execution
from webui.views.charts import trend

RUNS, TRENDS, DOTS = 8, 8, 60
"""Runs of a stage that are shown at first, metrics that are drawn, and runs that are dots of such a drawing."""


@dataclass(frozen=True, slots=True)
class StageRun:
    """An execution in the history of its stage, and which inputs differ from the one before."""

    record: Execution
    before: int | None
    changed: Mapping[str, Any]
    stale: bool


@dataclass(frozen=True, slots=True)
class Trend:
    """One metric over the runs that report it: (execution, value), oldest first."""

    metric: str
    values: Sequence[tuple[int, float]]

    @property
    def low(self) -> tuple[int, float]:
        return min(self.values, key=lambda each: each[1])

    @property
    def high(self) -> tuple[int, float]:
        return max(self.values, key=lambda each: each[1])

    @property
    def drawn(self) -> Markup:
        (least, low), (most, high) = self.low, self.high
        said = f"{self.metric} over {len(self.values)} executions: from {low:.4g} in {least} to {high:.4g} in {most}"
        return trend(self.values, said)


@dataclass(frozen=True, slots=True)
class RunGroup:
    """The runs of one stage that are shown, the newest first; `older` are there too."""

    stage: str
    runs: Sequence[StageRun]
    older: int = 0
    trends: Sequence[Trend] = ()


def history(view: ProjectView, whole: str) -> Iterator[RunGroup]:
    """By stage in the order of the pipeline, the newest run first; all runs of the stage that is asked for."""
    pipeline, outdated = view.definition or view.pipeline, stale(view)
    names = [stage.name for stage in pipeline.stages] if pipeline else []
    names += sorted({each.stage for each in view.executions} - set(names))
    for name in names:
        records = [each for each in view.executions if each.stage == name]
        pairs = zip([None, *records], records, strict=False)
        runs = [_run(before, record, record.execution in outdated) for before, record in pairs][::-1]
        most = RUNS if len(runs) > RUNS + 2 and name != whole else len(runs)
        yield RunGroup(name, runs[:most], len(runs) - most, _trends(records))


def _run(before: Execution | None, record: Execution, stale: bool) -> StageRun:
    return StageRun(record, before.execution if before else None, _changed(before, record), stale)


def _trends(records: Sequence[Execution]) -> list[Trend]:
    """Of what at least two of the newest runs report."""
    found: dict[str, list[tuple[int, float]]] = {}
    for record in records[-DOTS:]:
        for name, value in (record.result.metrics if record.result else {}).items():
            found.setdefault(name, []).append((record.execution, value))
    return [Trend(name, values) for name, values in found.items() if len(values) > 1][:TRENDS]


def _changed(before: Execution | None, after: Execution) -> dict[str, Any]:
    if before is None:
        return {}
    return {name: value for name, value in after.inputs.items() if before.inputs.get(name) != value}
