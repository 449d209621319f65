"""All runs of one stage side by side: of a matrix the newest of each point, else every execution, best first."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flow.model.snapshot import ProjectView
from flow.project.replies import steps_of
from flow.status.compare import duration
from schema.execution import Execution, State
from schema.file_input import plain
from schema.suggest import did_you_mean


class NoSuchMeasure(ValueError):
    """None of the executions has that metric or value; the text names those that there are."""


@dataclass(frozen=True, slots=True)
class Compared:
    """One run. `settings` are only those that differ between the rows."""

    execution: Execution
    settings: Mapping[str, object]
    measures: Mapping[str, object]


def runs_of(view: ProjectView, stage: str, *, every: bool = False) -> list[Execution]:
    """`every`: also those that others of the same point have replaced."""
    found = [e for e in view.executions if e.stage == stage and e.state is not State.SUPERSEDED]
    standing = steps_of(view).standing(stage)
    if every or standing is None or not standing.points:
        return found
    newest = {e.point: e for e in found}
    return [newest[each.point] for each in standing.points if each.point in newest]


def compared(runs: Sequence[Execution], *, by: str = "", lowest: bool = False) -> list[Compared]:
    """By a metric or a value, the best first; what has none comes last, in the order of the points. NoSuchMeasure."""
    rows = _rows(runs)
    if not by:
        return rows
    known = {name for row in rows for name in row.measures}
    if by not in known:
        there = ", ".join(sorted(known)) or "nothing yet"
        raise NoSuchMeasure(f"none has {by!r}{did_you_mean(by, known)}; there is {there}")
    measured = [(_number(row.measures.get(by)), row) for row in rows]
    having = [(number, row) for number, row in measured if number is not None]
    having.sort(key=lambda each: each[0], reverse=not lowest)
    return [row for _, row in having] + [row for number, row in measured if number is None]


def told(rows: Iterable[Compared]) -> list[dict[str, Any]]:
    """As plain values, one flat row a run, all with the same keys."""
    rows = list(rows)
    settings = dict.fromkeys(name for row in rows for name in row.settings)
    measures = dict.fromkeys(name for row in rows for name in row.measures if name not in settings)
    return [
        {
            "execution": row.execution.execution,
            "slot": row.execution.slot,
            "state": str(row.execution.state),
            **{name: row.settings.get(name) for name in settings},
            **{name: row.measures.get(name) for name in measures},
            "seconds": duration(row.execution),
        }
        for row in rows
    ]


def _rows(runs: Sequence[Execution]) -> list[Compared]:
    every = [_settings(run) for run in runs]
    names = dict.fromkeys(name for settings in every for name in settings)
    differing = [name for name in names if len({repr(settings.get(name)) for settings in every}) > 1]
    return [
        Compared(run, {name: settings.get(name) for name in differing}, _measures(run))
        for run, settings in zip(runs, every, strict=True)
    ]


def _settings(run: Execution) -> dict[str, object]:
    """Inputs, and the environment that people set. A file is its path."""
    found: dict[str, object] = {}
    for layer in ("pipeline", "stage", "project", "request"):
        found |= run.env.get(layer, {})
    return {**found, **{name: plain(value) for name, value in run.inputs.items()}}


def _measures(run: Execution) -> dict[str, object]:
    return {**run.result.values, **run.result.metrics} if run.result else {}


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
