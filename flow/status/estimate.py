"""How long an execution that runs will take: from its own progress, else from earlier ones of its stage. A guess."""

from dataclasses import dataclass
from statistics import median

from flow.model.snapshot import ProjectView
from flow.status.compare import duration
from schema.execution import Execution, State

LEAST_PERCENT, LEAST_SECONDS = 2.0, 5.0
"""Before so much is done, progress says nothing of the pace."""
LOOKED_AT = 20


@dataclass(frozen=True, slots=True)
class Estimate:
    """Seconds. `left` is None where nobody can tell, or it already takes longer than `usual`."""

    left: float | None = None
    usual: float | None = None


def estimate(view: ProjectView, record: Execution, elapsed: float, percent: float | None = None) -> Estimate:
    """`elapsed` since it started."""
    known = usual(view, record)
    if percent is not None and percent >= LEAST_PERCENT and elapsed >= LEAST_SECONDS:
        return Estimate(elapsed * (100 - min(percent, 100.0)) / percent, known)
    if known is None or known <= elapsed:
        return Estimate(None, known)
    return Estimate(known - elapsed, known)


def usual(view: ProjectView, record: Execution) -> float | None:
    """The median of the latest that succeeded; one that took another's result took no time of its own."""
    took = (
        duration(each)
        for each in reversed(view.executions)
        if each.stage == record.stage and each.state is State.SUCCEEDED and each.cached is None
    )
    known = [seconds for _, seconds in zip(range(LOOKED_AT), (each for each in took if each is not None), strict=False)]
    return median(known) if known else None
