"""What a search knows of its trials, and the numbers that lie on a range."""

import math
from dataclasses import dataclass

from flow.points.points import Point
from schema.search import SearchRange


@dataclass(frozen=True, slots=True)
class Trial:
    """One that was claimed. `measure` is what it came to; None while it runs, or where it came to nothing."""

    number: int
    values: Point
    measure: float | None = None
    over: bool = False


def edges(each: SearchRange, whole: bool) -> tuple[float, float]:
    """The lowest and the highest value; whole numbers where only these are wanted."""
    assert each.min is not None
    assert each.max is not None
    return (math.ceil(each.min), math.floor(each.max)) if whole else (each.min, each.max)


def steps(each: SearchRange) -> int:
    """Values of a range with steps, its end included where a step falls on it."""
    assert each.min is not None
    assert each.max is not None
    assert each.step is not None
    return math.floor((each.max - each.min) / each.step + 1e-9) + 1


def at_step(each: SearchRange, place: int, whole: bool) -> int | float:
    assert each.min is not None
    assert each.step is not None
    return rounded(each, each.min + each.step * place, whole)


def rounded(each: SearchRange, value: float, whole: bool) -> int | float:
    """Twelve digits: more are noise of the arithmetic, and differ between machines. It stays on the range."""
    low, high = edges(each, whole)
    return min(max(round(value) if whole else float(f"{value:.12g}"), low), high)
