"""Many runs of a stage in one drawing: a dot for each, or a line over parallel axes. None of it needs a script."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from flow.status.compare_points import Compared

WIDTH, HEIGHT, EDGE = 600, 220, 28
MOST_AXES = 8
SHADES = 5
"""Colours from the best to the worst of the runs."""


@dataclass(frozen=True, slots=True)
class RunAxis:
    """What a run is placed by: numbers by their size, anything else one after the other."""

    name: str
    places: Mapping[int, float]
    ends: tuple[str, str]


def axis(name: str, rows: Sequence[Compared]) -> RunAxis:
    values = {row.execution.execution: _value(row, name) for row in rows}
    known = {number: value for number, value in values.items() if value is not None}
    numbers = {n: float(v) for n, v in known.items() if isinstance(v, int | float) and not isinstance(v, bool)}
    if numbers and len(numbers) == len(known):
        low, high = min(numbers.values()), max(numbers.values())
        wide = (high - low) or 1.0
        return RunAxis(name, {n: (value - low) / wide for n, value in numbers.items()}, (f"{low:.4g}", f"{high:.4g}"))
    words = sorted({str(value) for value in known.values()})
    last = max(len(words) - 1, 1)
    places = {number: words.index(str(value)) / last for number, value in known.items()}
    return RunAxis(name, places, (words[0] if words else "", words[-1] if words else ""))


def _value(row: Compared, name: str) -> object:
    return row.settings.get(name, row.measures.get(name))


def scatter(rows: Sequence[Compared], across: str, up: str, project: str) -> Markup:
    """One dot a run, which leads to it."""
    x, y = axis(across, rows), axis(up, rows)
    drawn = _head(f"{up} over {across}") + _frame(x, y)
    for place, row in enumerate(rows):
        number = row.execution.execution
        if number in x.places and number in y.places:
            at = (EDGE + x.places[number] * (WIDTH - 2 * EDGE), HEIGHT - EDGE - y.places[number] * (HEIGHT - 2 * EDGE))
            dot = _dot(at, _shade(place, len(rows)), _told(row, (across, up)))
            drawn += Markup('<a href="/projects/{}/{}">{}</a>').format(project, number, dot)
    return drawn + Markup("</svg>")


def parallel(rows: Sequence[Compared], names: Sequence[str]) -> Markup:
    """One line a run over an axis for each setting and the measure; the best runs stand out."""
    axes = [axis(name, rows) for name in names[-MOST_AXES:]]
    if len(axes) < 2:
        return Markup("")
    step = (WIDTH - 4 * EDGE) / (len(axes) - 1)
    drawn = _head(f"{', '.join(each.name for each in axes)} of {len(rows)} runs")
    for place, row in reversed(list(enumerate(rows))):
        number = row.execution.execution
        spots = [(2 * EDGE + at * step, each.places[number]) for at, each in enumerate(axes) if number in each.places]
        dots = " ".join(f"{x:.0f},{HEIGHT - EDGE - up * (HEIGHT - 2 * EDGE):.1f}" for x, up in spots)
        drawn += Markup('<polyline class="r{}" points="{}"><title>{}</title></polyline>').format(
            _shade(place, len(rows)), escape(dots), _told(row, names)
        )
    for at, each in enumerate(axes):
        drawn += _upright(2 * EDGE + at * step, each)
    return drawn + Markup("</svg>")


def _upright(x: float, each: RunAxis) -> Markup:
    line = Markup('<line x1="{x:.0f}" x2="{x:.0f}" y1="{}" y2="{}"/>').format(EDGE, HEIGHT - EDGE, x=x)
    words = ((10, each.name[:18]), (HEIGHT - 14, each.ends[0][:12]), (EDGE - 6, each.ends[1][:12]))
    return line + Markup("").join(Markup('<text x="{:.0f}" y="{}">{}</text>').format(x, y, text) for y, text in words)


def _shade(place: int, count: int) -> int:
    """0 is the best."""
    return min(SHADES - 1, place * SHADES // max(count, 1))


def _told(row: Compared, names: Sequence[str]) -> str:
    values = ((name, _value(row, name)) for name in dict.fromkeys(names))
    return f"{row.execution.execution}: " + ", ".join(f"{name} {value}" for name, value in values if value is not None)


def _head(label: str) -> Markup:
    return Markup('<svg class="runs" viewBox="0 0 {} {}" role="img" aria-label="{}">').format(WIDTH, HEIGHT, label)


def _frame(x: RunAxis, y: RunAxis) -> Markup:
    low, right = HEIGHT - EDGE, WIDTH - EDGE
    lines = Markup('<line x1="{}" x2="{}" y1="{}" y2="{}"/><line x1="{}" x2="{}" y1="{}" y2="{}"/>').format(
        EDGE, right, low, low, EDGE, EDGE, EDGE, low
    )
    words = (
        (EDGE, HEIGHT - 8, x.ends[0]),
        (right - 40, HEIGHT - 8, f"{x.name} {x.ends[1]}"[:40]),
        (EDGE, low - 4, y.ends[0]),
        (EDGE + 30, EDGE - 8, f"{y.name} {y.ends[1]}"[:40]),
    )
    return lines + Markup("").join(Markup('<text x="{}" y="{}">{}</text>').format(*each) for each in words)


def _dot(at: tuple[float, float], shade: int, title: str) -> Markup:
    dot = Markup('<circle class="r{}" cx="{:.0f}" cy="{:.1f}" r="5"><title>{}</title></circle>')
    return dot.format(shade, *at, title)
