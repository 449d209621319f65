"""What became of the points of a stage when its chain was folded last.

A chain that is folded anew differs from the last time in a record or two. What a point comes to follows from its own
records, from what the stages above left, and from definition, project and replies: where all of these are the same, so
is what it comes to. Results are remembered by these alone, so that a fold stays a pure function.
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flow.fold.steps import PointStanding, Slot, Waiting
from flow.model.memo import KeepingMemo
from flow.points.points import Point
from schema.execution import Execution
from schema.pipeline import Pipeline
from schema.project import Project
from schema.reply import Reply

MOST_CHAINS = 64
"""Chains with points that are remembered, of those that were folded last: of a thousand points it takes a megabyte."""


@dataclass(frozen=True, slots=True)
class PointOutcome:
    """What one point came to, by its records."""

    runs: Sequence[Execution]
    standing: PointStanding
    result: Execution | None
    slot: Slot | None
    wait: Waiting | None
    base: int | None


@dataclass(frozen=True, slots=True)
class StageMemory:
    """`above` is what the stages above came to; the outcomes are by point."""

    above: tuple[object, ...]
    points: Sequence[Point] | None
    outcomes: Mapping[int, PointOutcome]


ChainMemory = dict[str, StageMemory]
"""By stage."""


class ChainMemories:
    """By the identity of what a chain follows from; that is kept, so that no other value takes over its identity."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[int, ...], tuple[tuple[object, ...], ChainMemory]] = OrderedDict()

    def of(self, pipeline: Pipeline, project: Project, replies: Sequence[Reply]) -> ChainMemory:
        parts = (pipeline, project, *replies)
        key = tuple(map(id, parts))
        _, memory = self._known.setdefault(key, (parts, {}))
        while len(self._known) > MOST_CHAINS:
            self._known.popitem(last=False)
        return memory


remembered = ChainMemories()


def _values(left: Execution) -> Mapping[str, object]:
    return left.result.values if left.result else {}


values_of: KeepingMemo[Execution, Mapping[str, object]] = KeepingMemo(_values, 8192)
"""What an execution gave. Of a packed record all of it would be unpacked for that, in each fold that asks."""
