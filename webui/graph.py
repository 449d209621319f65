"""A pipeline as a picture: boxes in the order of the stages, in rows, with arrows; places are worked out here."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from flow.views import StageState

WIDTH, HEIGHT, GAP, ROW = 168, 44, 26, 66
PER_ROW = 6
LONGEST = 20


@dataclass(frozen=True, slots=True)
class Box:
    stage: StageState
    x: int
    y: int
    note: str = ""

    @property
    def name(self) -> str:
        name = self.stage.stage
        return name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…"


@dataclass(frozen=True, slots=True)
class Graph:
    boxes: tuple[Box, ...]
    arrows: tuple[str, ...]
    width: int
    height: int


def graph(stages: Sequence[StageState], notes: Sequence[str]) -> Graph:
    """`notes` are short words for each stage, as how long it took."""
    boxes = tuple(
        Box(stage, 1 + (place % PER_ROW) * (WIDTH + GAP), 1 + (place // PER_ROW) * ROW, note)
        for place, (stage, note) in enumerate(zip(stages, notes, strict=True))
    )
    columns, rows = min(len(boxes), PER_ROW), -(-len(boxes) // PER_ROW)
    arrows = tuple(_arrow(one, other) for one, other in itertools.pairwise(boxes))
    return Graph(boxes, arrows, max(1, columns) * (WIDTH + GAP) - GAP + 2, max(1, rows) * ROW - (ROW - HEIGHT) + 2)


def _arrow(one: Box, other: Box) -> str:
    """A path from the side of one box to the next, or around to the row below."""
    middle = HEIGHT // 2
    if one.y == other.y:
        return f"M{one.x + WIDTH} {one.y + middle}H{other.x - 5}"
    between = one.y + HEIGHT + (ROW - HEIGHT) // 2
    return f"M{one.x + WIDTH // 2} {one.y + HEIGHT}V{between}H{other.x + WIDTH // 2}V{other.y - 5}"
