"""A pipeline as a picture: boxes and arrows, in rows or, where stages branch, in columns."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from flow.status.states import StageState
from schema.pipeline import Pipeline

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
        return _cut(self.stage.stage)


def _cut(name: str) -> str:
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…"


@dataclass(frozen=True, slots=True)
class StageDrawing:
    boxes: tuple[Box, ...]
    arrows: tuple[str, ...]
    width: int
    height: int


def graph(stages: Sequence[StageState], notes: Sequence[str]) -> StageDrawing:
    """`notes` are short words for each stage, as how long it took."""
    if any(stage.needs for stage in stages):
        return _branching(stages, notes)
    boxes = tuple(
        Box(stage, 1 + (place % PER_ROW) * (WIDTH + GAP), 1 + (place // PER_ROW) * ROW, note)
        for place, (stage, note) in enumerate(zip(stages, notes, strict=True))
    )
    columns, rows = min(len(boxes), PER_ROW), -(-len(boxes) // PER_ROW)
    arrows = tuple(_arrow(one, other) for one, other in itertools.pairwise(boxes))
    return StageDrawing(boxes, arrows, *_size(columns, rows))


def defined(pipeline: Pipeline) -> StageDrawing:
    """A definition that no project has begun: what runs each stage stands where else its state is."""
    row = not any(stage.branching for stage in pipeline.stages)
    stages = [
        StageState(stage.name, "pending", needs=() if row else tuple(need.stage for need in pipeline.needs(stage.name)))
        for stage in pipeline.stages
    ]
    return graph(stages, [_cut(stage.image or "a person answers") for stage in pipeline.stages])


def _size(columns: int, rows: int) -> tuple[int, int]:
    return max(1, columns) * (WIDTH + GAP) - GAP + 2, max(1, rows) * ROW - (ROW - HEIGHT) + 2


def _branching(stages: Sequence[StageState], notes: Sequence[str]) -> StageDrawing:
    """Each stage right of all that it needs; what could run together stands in one column."""
    columns: dict[str, int] = {}
    filled: dict[int, int] = {}
    boxes = dict[str, Box]()
    for stage, note in zip(stages, notes, strict=True):
        column = columns[stage.stage] = 1 + max((columns[need] for need in stage.needs), default=-1)
        row = filled[column] = filled.get(column, -1) + 1
        boxes[stage.stage] = Box(stage, 1 + column * (WIDTH + GAP), 1 + row * ROW, _counted(stage) or note)
    arrows = tuple(_line(boxes[need], boxes[stage.stage]) for stage in stages for need in stage.needs)
    return StageDrawing(tuple(boxes.values()), arrows, *_size(max(filled) + 1, max(filled.values()) + 1))


def _counted(stage: StageState) -> str:
    done = sum(point.state in ("succeeded", "skipped") for point in stage.points)
    return f"{done} of {len(stage.points)}" if stage.points else ""


def _line(one: Box, other: Box) -> str:
    """From the right side of one box to the left of another, which may lie higher or lower."""
    middle, between = HEIGHT // 2, other.x - GAP // 2
    return f"M{one.x + WIDTH} {one.y + middle}H{between}V{other.y + middle}H{other.x - 5}"


def _arrow(one: Box, other: Box) -> str:
    """A path from the side of one box to the next, or around to the row below."""
    middle = HEIGHT // 2
    if one.y == other.y:
        return f"M{one.x + WIDTH} {one.y + middle}H{other.x - 5}"
    between = one.y + HEIGHT + (ROW - HEIGHT) // 2
    return f"M{one.x + WIDTH // 2} {one.y + HEIGHT}V{between}H{other.x + WIDTH // 2}V{other.y - 5}"
