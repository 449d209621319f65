"""Numbers over time as small drawings (SVG) without a script. Names and numbers get into them, never markup.

`data-values` says what is where, `[[x, text], …]`: static/values.js shows it to who points, touches or uses the keys.
"""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from markupsafe import Markup, escape

Points = Sequence[tuple[float, float]]
Lines = Sequence[tuple[str, Points]]
Shown = Callable[[float], str]
TOLD = 64
"""Places of a drawing whose values are told: of more, evenly chosen ones, the last among them."""
GAP = 4
"""A line is broken where so many usual distances between two points are missing."""


@dataclass(frozen=True, slots=True)
class ChartFrame:
    """The part of time and of values that is drawn, and how large."""

    since: float
    until: float
    top: float
    width: int
    height: int
    bottom: float = 0.0
    margin: int = 1

    def at(self, moment: float, value: float) -> str:
        across = (moment - self.since) / max(self.until - self.since, 1e-300)
        up = (value - self.bottom) / max(self.top - self.bottom, 1e-300)
        x = self.margin * 2 - 2 + across * (self.width - self.margin * 4 + 4)
        y = self.height - self.margin - min(1.0, max(0.0, up)) * (self.height - 2 * self.margin)
        return f"{x:.0f},{y:.1f}".removesuffix(".0")


def _begun(kind: str, frame: ChartFrame, label: str, values: str, more: str = "") -> Markup:
    """The head of a drawing; its title is for who has no script."""
    head = '<svg class="{}" viewBox="0 0 {} {}"{} role="img" tabindex="0" aria-label="{}" data-values="{}">'
    begun = Markup(head).format(kind, frame.width, frame.height, Markup(more), label, values)
    return begun + Markup("<title>{}</title>").format(label)


def _values(lines: Lines, frame: ChartFrame, shown: Shown, where: Shown) -> str:
    """What all lines are at each place that any of them has, as JSON."""
    known = [(name, dict(points)) for name, points in lines if points]
    places = sorted({place for _, points in known for place in points})
    step = max(1, -(-(len(places) - 1) // (TOLD - 1)))
    told = []
    for place in places[::-1][::step][::-1]:
        said = [f"{name} {shown(points[place])}".strip() for name, points in known if place in points]
        told.append([float(frame.at(place, 0.0).partition(",")[0]), f"{where(place)}: {', '.join(said)}"])
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"))


def _clock(since: float, until: float) -> Shown:
    """Times of a span, in UTC, with the day where there are several."""
    form = "%H:%M:%S UTC" if until - since <= 7200 else "%H:%M UTC" if until - since <= 86_400 else "%m-%d %H:%M UTC"
    return lambda moment: time.strftime(form, time.gmtime(moment))


def sparkline(points: Points, since: float, until: float, label: str, shown: Shown, top: float = 0.0) -> Markup:
    """One line, as high as a line of text. `top` 0: its end is the highest point."""
    frame = ChartFrame(since, until, top or highest([points]), 96, 20)
    lines = Markup("").join(_lines(points, frame, 0))
    values = _values([("", points)], frame, shown, _clock(since, until))
    return _begun("spark", frame, label, values, ' width="96" height="20"') + lines + Markup("</svg>")


def chart(lines: Lines, since: float, until: float, shown: Shown, top: float = 0.0) -> Markup:
    """Several lines in one frame, with the highest value at its edge."""
    frame = ChartFrame(since, until, top or highest([points for _, points in lines]), 600, 120)
    label = "; ".join(f"{name} {shown(points[-1][1])}" if points else f"{name} unknown" for name, points in lines)
    drawn = Markup("").join(line for number, (_, points) in enumerate(lines) for line in _lines(points, frame, number))
    grid = Markup("").join(
        Markup('<line x1="0" x2="600" y1="{y}" y2="{y}"/>').format(y=f"{120 * part / 4:.0f}") for part in range(5)
    )
    text = Markup('<text x="4" y="12">{}</text>').format(shown(frame.top))
    for number, words in enumerate(label.split("; ")):
        text += Markup('<text class="t{}" x="596" y="{}">{}</text>').format(number, 12 + 12 * number, words)
    head = _begun("chart", frame, label, _values(lines, frame, shown, _clock(since, until)))
    return head + grid + drawn + text + Markup("</svg>")


def plot(lines: Lines, label: str, frame: ChartFrame, across: str = "") -> Markup:
    """Lines of a table, without gaps: a legend and the numbers at the edges stand beside it."""
    values = _values(lines, frame, "{:.6g}".format, lambda place: f"{across} {place:.6g}".strip())
    head = _begun("plot", frame, label, values, ' preserveAspectRatio="none"')
    grid = Markup("").join(
        Markup('<line x1="0" x2="{}" y1="{y}" y2="{y}"/>').format(frame.width, y=f"{frame.height * part / 4:.0f}")
        for part in range(5)
    )
    drawn = Markup("").join(_line(points, frame, number) for number, (_, points) in enumerate(lines) if points)
    return head + grid + drawn + Markup("</svg>")


def framed(lines: Sequence[Points]) -> ChartFrame:
    """All of the lines, from their lowest to their highest value."""
    across = [point[0] for points in lines for point in points] or [0.0, 1.0]
    up = [point[1] for points in lines for point in points] or [0.0, 1.0]
    low, high = (min(up), max(up)) if min(up) < max(up) else (min(up) - 0.5, max(up) + 0.5)
    return ChartFrame(min(across), max(across), high, 600, 160, low)


def trend(values: Sequence[tuple[int, float]], label: str) -> Markup:
    """One number over executions, a dot for each that tells which; from the lowest to the highest of them."""
    points = [(float(place), value) for place, (_, value) in enumerate(values)]
    whole = framed([points])
    frame = ChartFrame(whole.since, whole.until, whole.top, 160, 36, whole.bottom, 3)
    told = _values([("", points)], frame, "{:.6g}".format, lambda place: f"execution {values[int(place)][0]}")
    drawn = _begun("trend", frame, label, told, ' width="160" height="36"') + _line(points, frame, 0)
    for (number, value), point in zip(values, points, strict=True):
        x, _, y = frame.at(*point).partition(",")
        drawn += Markup('<circle class="l0" cx="{}" cy="{}" r="{}"><title>{}: {:.4g}</title></circle>').format(
            x, y, 2.5 if number == values[-1][0] else 1.5, number, value
        )
    return drawn + Markup("</svg>")


def _line(points: Points, frame: ChartFrame, number: int) -> Markup:
    dots = " ".join(frame.at(moment, value) for moment, value in points)
    return Markup('<polyline class="l{}" points="{}"/>').format(number, escape(dots))


def highest(lines: Sequence[Points]) -> float:
    """Never nothing, so that a line of zeros lies at the bottom."""
    return max((value for points in lines for _, value in points), default=0.0) or 1.0


def _lines(points: Points, frame: ChartFrame, number: int) -> Iterator[Markup]:
    for piece in _pieces(points):
        dots = " ".join(frame.at(moment, value) for moment, value in piece)
        if len(piece) == 1:
            x, _, y = dots.partition(",")
            yield Markup('<circle class="l{}" cx="{}" cy="{}" r="1"/>').format(number, x, y)
        else:
            yield Markup('<polyline class="l{}" points="{}"/>').format(number, escape(dots))


def _pieces(points: Points) -> Iterator[Points]:
    distances = sorted(later[0] - earlier[0] for earlier, later in pairwise(points))
    limit = GAP * distances[len(distances) // 2] if distances else 0.0
    begin = 0
    for number in range(1, len(points) + 1):
        if number == len(points) or points[number][0] - points[number - 1][0] > limit:
            yield points[begin:number]
            begin = number
