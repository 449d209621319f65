"""Room that is kept for a stage that does not fit now, and what may go before it all the same. Pure.

A big stage would wait for ever behind small ones. So one node of those that could run it keeps room: the one with the
fewest executions, which only become fewer, as it takes nothing that stands in the way. What does not goes on: what
wants nothing that the big one is short of, and what by its history has ended before the big one can begin.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from flow.fold.steps import Slot
from flow.model.snapshot import ProjectView
from flow.placement import capacity
from flow.placement.gpus import suited
from flow.placement.ranking import Candidate, Placement, weight
from schema.execution import State
from schema.pipeline import Stage

LOOKED_AT = 20
"""Of a stage's history the latest that succeeded."""


@dataclass(frozen=True, slots=True)
class KeptRoom:
    """A slot that one's node keeps room for. `alone`: nothing goes before it, as others end for it."""

    view: ProjectView
    slot: Slot
    alone: bool = False


def keeper(slot: Slot, project: str, placement: Placement, nodes: Iterable[Candidate], taken: set[str]) -> str | None:
    """The node that keeps room for a slot which fits nowhere now; the same wherever it is asked. None: no node can."""
    able = [each for each in nodes if each.name in placement.could and each.standing.takes and each.name not in taken]
    key = repr((project, slot.key))
    best = min(able, key=lambda each: (each.busy, weight(each.name, key)), default=None)
    return best.name if best else None


def in_the_way(other: Stage, big: Stage, node: Candidate) -> bool:
    """Whether `big` could begin later on the node if `other` began there now."""
    if node.slots is not None and node.busy + 2 > node.slots:
        return True
    short = capacity.crowded(other, big, node.inventory, node.settings, node.claims)
    return short or _same_gpus(other, big, node)


def _same_gpus(other: Stage, big: Stage, node: Candidate) -> bool:
    """Whether it would get one that suits the big one."""
    if not (other.resources.gpus and big.resources.gpus):
        return False
    given = {gpu.uuid for gpu in node.gpus_for(other) or ()}
    return any(gpu.uuid in given for gpu in suited(big.resources, node.inventory.gpus))


def usual(view: ProjectView, stage: str) -> float | None:
    """Seconds that the stage usually takes in this project; None where it has no history."""
    took = (
        each.spent.milliseconds / 1000.0
        for each in reversed(view.executions)
        if each.stage == stage and each.state is State.SUCCEEDED and each.spent
    )
    known = [seconds for _, seconds in zip(range(LOOKED_AT), took, strict=False)]
    return median(known) if known else None


def begins_after(lefts: Sequence[float | None]) -> float | None:
    """Seconds until all of these have ended, by their history; None where that of one is not known."""
    known = [left for left in lefts if left is not None]
    return max(known, default=0.0) if len(known) == len(lefts) else None
