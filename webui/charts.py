"""Numbers over time as small drawings (SVG) without a script. Only numbers and our own words get into them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from markupsafe import Markup, escape

Points = Sequence[tuple[float, float]]
GAP = 4
"""A line is broken where so many usual distances between two points are missing."""


@dataclass(frozen=True, slots=True)
class Frame:
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


def sparkline(points: Points, since: float, until: float, label: str, top: float = 0.0) -> Markup:
    """One line, as high as a line of text. `top` 0: its end is the highest point."""
    frame = Frame(since, until, top or highest([points]), 96, 20)
    lines = Markup("").join(_lines(points, frame, 0))
    head = Markup('<svg class="spark" viewBox="0 0 96 20" width="96" height="20" role="img" aria-label="{}">')
    return head.format(label) + lines + Markup("</svg>")


def chart(
    lines: Sequence[tuple[str, Points]], since: float, until: float, shown: Callable[[float], str], top: float = 0.0
) -> Markup:
    """Several lines in one frame, with the highest value at its edge."""
    frame = Frame(since, until, top or highest([points for _, points in lines]), 600, 120)
    label = "; ".join(f"{name} {shown(points[-1][1])}" if points else f"{name} unknown" for name, points in lines)
    drawn = Markup("").join(line for number, (_, points) in enumerate(lines) for line in _lines(points, frame, number))
    grid = Markup("").join(
        Markup('<line x1="0" x2="600" y1="{y}" y2="{y}"/>').format(y=f"{120 * part / 4:.0f}") for part in range(5)
    )
    text = Markup('<text x="4" y="12">{}</text>').format(shown(frame.top))
    for number, words in enumerate(label.split("; ")):
        text += Markup('<text class="t{}" x="596" y="{}">{}</text>').format(number, 12 + 12 * number, words)
    head = Markup('<svg class="chart" viewBox="0 0 600 120" role="img" aria-label="{}">').format(label)
    return head + grid + drawn + text + Markup("</svg>")


def plot(lines: Sequence[Points], label: str, frame: Frame) -> Markup:
    """Lines of a table, without gaps: a legend and the numbers at the edges stand beside it."""
    size = Markup('viewBox="0 0 {} {}"').format(frame.width, frame.height)
    head = Markup('<svg class="plot" {} role="img" aria-label="{}" preserveAspectRatio="none">').format(size, label)
    grid = Markup("").join(
        Markup('<line x1="0" x2="{}" y1="{y}" y2="{y}"/>').format(frame.width, y=f"{frame.height * part / 4:.0f}")
        for part in range(5)
    )
    drawn = Markup("").join(_line(points, frame, number) for number, points in enumerate(lines) if points)
    return head + grid + drawn + Markup("</svg>")


def framed(lines: Sequence[Points]) -> Frame:
    """All of the lines, from their lowest to their highest value."""
    across = [point[0] for points in lines for point in points] or [0.0, 1.0]
    up = [point[1] for points in lines for point in points] or [0.0, 1.0]
    low, high = (min(up), max(up)) if min(up) < max(up) else (min(up) - 0.5, max(up) + 0.5)
    return Frame(min(across), max(across), high, 600, 160, low)


def trend(values: Sequence[tuple[int, float]], label: str) -> Markup:
    """One number over executions, a dot for each that tells which; from the lowest to the highest of them."""
    points = [(float(place), value) for place, (_, value) in enumerate(values)]
    whole = framed([points])
    frame = Frame(whole.since, whole.until, whole.top, 160, 36, whole.bottom, 3)
    head = Markup('<svg class="trend" viewBox="0 0 160 36" width="160" height="36" role="img" aria-label="{}">')
    drawn = head.format(label) + _line(points, frame, 0)
    for (number, value), point in zip(values, points, strict=True):
        x, _, y = frame.at(*point).partition(",")
        drawn += Markup('<circle class="l0" cx="{}" cy="{}" r="{}"><title>{}: {:.4g}</title></circle>').format(
            x, y, 2.5 if number == values[-1][0] else 1.5, number, value
        )
    return drawn + Markup("</svg>")


def _line(points: Points, frame: Frame, number: int) -> Markup:
    dots = " ".join(frame.at(moment, value) for moment, value in points)
    return Markup('<polyline class="l{}" points="{}"/>').format(number, escape(dots))


def highest(lines: Sequence[Points]) -> float:
    """Never nothing, so that a line of zeros lies at the bottom."""
    return max((value for points in lines for _, value in points), default=0.0) or 1.0


def _lines(points: Points, frame: Frame, number: int) -> Iterator[Markup]:
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
