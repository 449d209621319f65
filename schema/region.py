"""A region that somebody drew on a picture: points, lines, boxes and polygons, in pixels of that picture.

It is kept as JSON in one text, so that it travels like every other input: in requests, replies and the environment of
a program. What is not said here is refused, so that a program finds nothing it does not expect.
"""

import json
import re
from collections.abc import Mapping
from enum import StrEnum
from math import inf
from typing import Any

LONGEST = 32_000
"""Characters of the text."""
MOST_SHAPES, MOST_POINTS, LONGEST_NAME = 200, 1000, 64
_UNWRITABLE = re.compile("[\x00-\x1f\ud800-\udfff]")
"""Control characters, and halves of characters, which JSON can name but no file or environment can hold."""
_ENDLESS = (inf, -inf)  # not by `isfinite`: a whole number may be too large for it
LARGEST = 1e6
"""Pixels, of a side and of a coordinate to either side of nothing."""


class ShapeKind(StrEnum):
    POINT = "point"
    LINE = "line"
    BOX = "box"
    POLYGON = "polygon"

    @property
    def corners(self) -> tuple[int, int]:
        """The least and the most points of one."""
        least = {ShapeKind.POINT: 1, ShapeKind.LINE: 2, ShapeKind.BOX: 2, ShapeKind.POLYGON: 3}[self]
        return least, least if self in (ShapeKind.POINT, ShapeKind.BOX) else MOST_POINTS


class RegionError(ValueError):
    """The text says what is wrong, without the name of the input."""


def fitted(value: object, kinds: tuple[ShapeKind, ...] = ()) -> str:
    """A region as one text, always the same for the same region. RegionError. `kinds` are permitted; none: all."""
    found = _read(value)
    if not isinstance(found, Mapping):
        raise RegionError("a region is a mapping with `shapes`, as JSON")
    _known(found, ("shapes", "size", "on", "at"), "a region")
    region: dict[str, Any] = {}
    if "on" in found:
        region["on"] = _text(found["on"], 1024, "`on`, the path of the picture,")
    if "at" in found:
        region["at"] = _number(found["at"], "`at`, seconds into a video,", least=0)
    if "size" in found:
        region["size"] = _size(found["size"])
    region["shapes"] = _shapes(found.get("shapes"), kinds or tuple(ShapeKind))
    text = json.dumps(region, ensure_ascii=False, separators=(", ", ": "))
    if len(text) > LONGEST:
        raise RegionError(f"a region has at most {LONGEST} characters; draw it with fewer points")
    return text


def _read(value: object) -> object:
    if not isinstance(value, str):
        return value
    if len(value) > 2 * LONGEST:
        raise RegionError(f"a region has at most {LONGEST} characters; draw it with fewer points")
    try:
        return json.loads(value, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        at = f", line {error.lineno}, column {error.colno}" if isinstance(error, json.JSONDecodeError) else ""
        raise RegionError(f"a region is JSON like {EXAMPLE}; this is none{at}") from None


def _no_number(word: str) -> float:
    raise ValueError(word)


EXAMPLE = '{"size": [1920, 1080], "shapes": [{"kind": "line", "name": "north", "points": [[10, 20], [300, 25]]}]}'


def _shapes(given: object, kinds: tuple[ShapeKind, ...]) -> list[dict[str, Any]]:
    if not isinstance(given, list | tuple) or not given:
        raise RegionError("`shapes` is a list with at least one shape")
    if len(given) > MOST_SHAPES:
        raise RegionError(f"at most {MOST_SHAPES} shapes are permitted, not {len(given)}")
    shapes = [_shape(each, f"shape {number}", kinds) for number, each in enumerate(given, 1)]
    points = sum(len(each["points"]) for each in shapes)
    if points > MOST_POINTS:
        raise RegionError(f"at most {MOST_POINTS} points are permitted, not {points}")
    return shapes


def _shape(given: object, where: str, kinds: tuple[ShapeKind, ...]) -> dict[str, Any]:
    if not isinstance(given, Mapping):
        raise RegionError(f"{where}: a mapping with `kind` and `points` is wanted")
    _known(given, ("kind", "name", "points"), where)
    kind = next((each for each in kinds if each == given.get("kind")), None)
    if kind is None:
        raise RegionError(f"{where}: its kind is one of {', '.join(kinds)}, not {str(given.get('kind'))[:40]!r}")
    points = given.get("points")
    least, most = kind.corners
    if not isinstance(points, list | tuple) or not least <= len(points) <= most:
        wanted = f"{least}" if least == most else f"{least} to {most}"
        raise RegionError(f"{where}: a {kind} has {wanted} points, each [x, y]")
    shape: dict[str, Any] = {"kind": str(kind)}
    if given.get("name") not in (None, ""):
        shape["name"] = _text(given["name"], LONGEST_NAME, f"{where}: its name")
    shape["points"] = [_point(each, f"{where}, point {number}") for number, each in enumerate(points, 1)]
    return shape


def _point(given: object, where: str) -> list[int | float]:
    if not isinstance(given, list | tuple) or len(given) != 2:
        raise RegionError(f"{where}: [x, y] is wanted")
    return [_number(each, where) for each in given]


def _size(given: object) -> list[int | float]:
    if not isinstance(given, list | tuple) or len(given) != 2:
        raise RegionError("`size` is [width, height] of the picture, in pixels")
    return [_number(each, "`size`", least=1) for each in given]


def _number(given: object, where: str, least: float = -LARGEST) -> int | float:
    """As it was written: what a person drew is what a program reads."""
    if isinstance(given, bool) or not isinstance(given, int | float) or given in _ENDLESS or given != given:
        raise RegionError(f"{where}: a finite number is wanted")
    if not least <= given <= LARGEST:
        raise RegionError(f"{where}: a number from {least:g} to {LARGEST:g} is wanted")
    return given


def _text(given: object, most: int, where: str) -> str:
    if not isinstance(given, str) or not given or len(given) > most or _UNWRITABLE.search(given):
        raise RegionError(f"{where} is a text of 1 to {most} characters without control characters or half characters")
    return given


def _known(given: Mapping[Any, Any], keys: tuple[str, ...], where: str) -> None:
    if unknown := [str(key)[:40] for key in given if key not in keys]:
        raise RegionError(f"{where}: unknown key {unknown[0]!r}; there are {', '.join(keys)}")
