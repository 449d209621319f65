"""What a chain has before it: the stages that decide when it ends, and about how long they take by its history."""

from dataclasses import dataclass

from flow.fold.graph import graph_of
from flow.fold.steps import Standing, Steps
from flow.model.snapshot import ProjectView
from flow.project.replies import steps_of
from flow.status.estimate import usual

OVER = ("done", "skipped", "passed", "failed", "blocked")


@dataclass(frozen=True, slots=True)
class CriticalPath:
    """`seconds` is a guess from medians; None where a stage on the way never ran."""

    stages: tuple[str, ...]
    seconds: float | None


def critical_path(view: ProjectView) -> CriticalPath | None:
    """The longest way through what is to come; None where nothing is. Waiting for people or nodes is not counted."""
    steps, pipeline = steps_of(view), view.definition
    if pipeline is None or steps.chain is None:
        return None
    known = {each.stage: each for each in steps.standings}
    graph = graph_of(pipeline)
    ways: dict[str, tuple[float, tuple[str, ...], bool]] = {}  # seconds, by which way, whether all of it is known
    for stage in pipeline.stages:
        standing = known.get(stage.name)
        before = max((ways[need.stage] for need in graph.needs[stage.name]), default=(0.0, (), True))
        if standing is None or standing.status in OVER:
            ways[stage.name] = before
            continue
        took = 0.0 if stage.gate else _takes(view, steps, standing, stage.parallel.max if stage.parallel else None)
        ways[stage.name] = (before[0] + (took or 0.0), (*before[1], stage.name), before[2] and took is not None)
    longest = max(ways.values(), key=lambda way: (way[0], len(way[1])), default=None)
    if longest is None or not longest[1]:
        return None
    return CriticalPath(longest[1], longest[0] if longest[2] else None)


def _takes(view: ProjectView, steps: Steps, standing: Standing, at_once: int | None) -> float | None:
    """Of a stage: its points in rounds of as many as run at once now."""
    record = next((e for e in reversed(view.executions) if e.stage == standing.stage), None)
    each = usual(view, record) if record else None
    if each is None:
        return None
    left = sum(point.status not in OVER for point in standing.points)
    if not standing.points:  # how many there will be is not known yet: as many as the last time
        left = len({e.point for e in view.executions if e.stage == standing.stage})
    beside = max(1, sum(e.stage == standing.stage for e in steps.active))
    return each * -(-left // min(at_once or left or 1, beside))
