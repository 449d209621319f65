"""Regions as the page has them: the picture that one is drawn on, and one that was drawn, shown again."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from markupsafe import Markup

from flow.model.snapshot import ProjectView
from schema.execution import Execution, State
from schema.file_input import FileInput
from schema.inputs import Input
from schema.region import RegionError, ShapeKind, fitted
from webui.files.downloads import SHOWN
from webui.files.places import FileRoot


@dataclass(frozen=True, slots=True)
class DrawnOn:
    """`source` is an address; where another field of the form says which file it is, `field` names that."""

    source: str = ""
    field: str = ""


def drawn_on(spec: Input, view: ProjectView | None) -> DrawnOn:
    """Nothing of it is known where the stage has not run yet."""
    kind, _, rest = (spec.on or "").partition(".")
    if kind == "inputs":
        said = _said(view, rest)
        return DrawnOn(f"/raw/pool/{quote(said)}" if said else "", rest)
    stage, _, path = rest.partition("/")
    done = [each for each in view.executions if each.stage == stage and each.state is State.SUCCEEDED] if view else []
    return DrawnOn(f"{FileRoot(view.id, done[-1].execution).raw}/{quote(path)}") if view and done else DrawnOn()


def _said(view: ProjectView | None, name: str) -> str:
    """The path of a file, as the newest execution had it, else as the project says it."""
    for record in reversed(view.executions) if view else ():
        value = record.inputs.get(name)
        if isinstance(value, FileInput):
            return value.path
    said = view.project.inputs.get(name, "") if view and view.project else ""
    return said if isinstance(said, str) else ""


@dataclass(frozen=True, slots=True)
class RegionDrawing:
    """One that was drawn: `shapes` as SVG over a picture or video at `source`, where that is known."""

    width: float
    height: float
    shapes: Markup
    said: str
    source: str
    video: bool
    at: float


def drawings(view: ProjectView, record: Execution) -> list[tuple[str, RegionDrawing]]:
    """Regions that an execution was given: its inputs, and answers of its chain to gates above its stage."""
    ends = min((each.chain for each in view.executions if each.chain > record.chain), default=math.inf)
    said: dict[str, object] = {}
    for reply in view.replies:
        if reply.accepted and record.chain <= reply.seq < ends and _above(view, reply.stage, record.stage):
            said |= reply.inputs
    said |= record.inputs
    return [(name, found) for name, value in said.items() if (found := drawing(value, view))]


def _above(view: ProjectView, stage: str | None, other: str) -> bool:
    pipeline = view.pipeline or view.definition
    names = [each.name for each in pipeline.stages] if pipeline else []
    return stage in names and other in names and names.index(stage) < names.index(other)


def drawing(value: object, view: ProjectView) -> RegionDrawing | None:
    """None for what is no region."""
    if not isinstance(value, str) or not value.startswith("{"):
        return None
    try:
        region: dict[str, Any] = json.loads(fitted(value))
    except RegionError:
        return None
    points = [point for shape in region["shapes"] for point in shape["points"]]
    width, height = region.get("size") or (max(x for x, _ in points) * 1.05, max(y for _, y in points) * 1.05)
    on = region.get("on", "")
    kind = SHOWN.get(Path(on.lower()).suffix, "")
    source = _address(on, view.id) if kind and region.get("size") else ""
    names = [f"{shape['kind']} {shape.get('name', '')}".strip() for shape in region["shapes"]]
    wide, high = max(1.0, width), max(1.0, height)
    marks = Markup("").join(_mark(shape, max(wide, high) / 200) for shape in region["shapes"])
    return RegionDrawing(wide, high, marks, ", ".join(names), source, kind.startswith("video"), region.get("at", 0))


def _address(on: str, project: str) -> str:
    """Of the picture that a region says it was drawn on: what an execution of the project left, else in the pool."""
    below = on if on.startswith(f"executions/{project}/") else f"pool/{on}"
    return f"/raw/{quote(below)}" if ".." not in on.split("/") else ""


def _mark(shape: Mapping[str, Any], unit: float) -> Markup:
    kind, points = shape["kind"], shape["points"]
    corners = " ".join(f"{x:g},{y:g}" for x, y in points)
    if kind == ShapeKind.POINT:
        mark = Markup('<circle cx="{:g}" cy="{:g}" r="{:g}"/>').format(*points[0], unit * 1.5)
    elif kind == ShapeKind.BOX:
        (left, top), (right, bottom) = points
        mark = Markup('<rect x="{:g}" y="{:g}" width="{:g}" height="{:g}"/>').format(
            min(left, right), min(top, bottom), abs(right - left), abs(bottom - top)
        )
    else:
        mark = Markup('<{0} points="{1}"/>').format("polygon" if kind == ShapeKind.POLYGON else "polyline", corners)
    if not shape.get("name"):
        return mark
    x, y = points[0]
    return mark + Markup('<text x="{:g}" y="{:g}" font-size="{:g}">{}</text>').format(
        x + unit * 2, y - unit, unit * 6, shape["name"]
    )
