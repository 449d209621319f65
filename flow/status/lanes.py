"""Who ran what, and when: executions as spans on the lane of their node."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from flow.model.memo import Memo
from flow.model.snapshot import ProjectView, Snapshot, present
from schema.execution import Execution, State

NEWEST = 20
"""So many executions of each project are looked at, and all that run: details of what is over are dear to read."""


@dataclass(frozen=True, slots=True)
class RunSpan:
    """One execution on its node. Times are seconds since 1970 by that node's clock; `ended` is None while it runs."""

    node: str
    project: str
    execution: int
    slot: str
    state: State
    began: float
    ended: float | None
    gpus: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PlacedSpan:
    """A span as a part of the time that is shown, both from 0 to 1."""

    run: RunSpan
    left: float
    width: float


@dataclass(frozen=True, slots=True)
class Lane:
    """What one node ran. `used` is the part of the time in which it ran anything, from 0 to 1."""

    node: str
    spans: tuple[PlacedSpan, ...]
    used: float


def _spans(view: ProjectView) -> tuple[RunSpan, ...]:
    older = (record for record in view.executions[:-NEWEST] if record.state.active)
    return tuple(span for record in (*older, *view.executions[-NEWEST:]) if (span := _span(view.id, record)))


def _span(project: str, record: Execution) -> RunSpan | None:
    began, ended = _seconds(record.times.started), _seconds(record.times.finished)
    if began is None or record.cached:
        return None
    if ended is None and not record.state.active:
        return None
    return RunSpan(record.claim.node, project, record.execution, record.slot, record.state, began, ended, record.gpus)


def _seconds(text: str | None) -> float | None:
    try:
        return datetime.fromisoformat(text).timestamp() if text else None
    except ValueError:
        return None


spans_of: Memo[ProjectView, tuple[RunSpan, ...]] = Memo(_spans)


def lanes(snapshot: Snapshot, since: float, until: float) -> Mapping[str, Lane]:
    """By node, for all that have joined; those that ran nothing have an empty lane."""
    found: dict[str, list[PlacedSpan]] = {name: [] for name in sorted(snapshot.inventories)}
    for run in _between(snapshot, since, until):
        if run.node in found:
            left = (max(run.began, since) - since) / (until - since)
            right = (min(run.ended or until, until) - since) / (until - since)
            found[run.node].append(PlacedSpan(run, left, max(0.0, right - left)))
    return {node: Lane(node, tuple(_in_order(placed)), _used(placed)) for node, placed in found.items()}


def of_gpu(lane: Lane, gpu: str) -> Lane:
    """What of a node's lane held one of its GPUs."""
    held = [each for each in lane.spans if gpu in each.run.gpus]
    return Lane(lane.node, tuple(held), _used(held))


def _between(snapshot: Snapshot, since: float, until: float) -> Iterator[RunSpan]:
    for view in present(snapshot):
        for run in spans_of(view):
            if (run.ended is None or run.ended > since) and run.began < until:
                yield run


def _in_order(placed: list[PlacedSpan]) -> list[PlacedSpan]:
    return sorted(placed, key=lambda each: (each.left, each.run.project, each.run.execution))


def _used(placed: list[PlacedSpan]) -> float:
    """What overlaps counts once."""
    used, reached = 0.0, 0.0
    for each in sorted(placed, key=lambda each: each.left):
        right = each.left + each.width
        used += max(0.0, right - max(each.left, reached))
        reached = max(reached, right)
    return min(1.0, used)
