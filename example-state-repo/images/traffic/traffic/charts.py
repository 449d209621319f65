"""Small SVG charts for the report. Each function returns one ``<svg>``; colours come from the page's style."""

from collections.abc import Mapping, Sequence
from html import escape

WIDTH, HEIGHT = 460, 220
LEFT, RIGHT, TOP, BOTTOM = 40, 12, 12, 34

Point = tuple[float, float]


def nice_top(value: float) -> float:
    """The next of 1, 2, 5 times a power of ten."""
    top = 1.0
    while top < value:
        for factor in (2.0, 2.5, 2.0):
            if top >= value:
                break
            top *= factor
    return top


def _frame(body: str, *, top: float, x_label: str, y_label: str) -> str:
    """Axes, three grid lines and labels around a chart."""
    lines = []
    for share in (0.0, 0.5, 1.0):
        y = HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)
        lines.append(f'<line class="grid" x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}"/>')
        lines.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{share * top:g}</text>')
    middle = (LEFT + WIDTH - RIGHT) / 2
    lines.append(f'<text x="{middle}" y="{HEIGHT - 4}" text-anchor="middle">{escape(x_label)}</text>')
    name = escape(f"{y_label} by {x_label}")
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{name}">{"".join(lines)}{body}</svg>'


def histogram(values: Sequence[float], *, bins: int, x_label: str, y_label: str) -> str:
    """How many values lie in each of `bins` equal spans from 0."""
    top_value = nice_top(max(values, default=1.0))
    counts = [0] * bins
    for value in values:
        counts[min(bins - 1, int(value / top_value * bins))] += 1
    top = nice_top(max(counts))
    span = (WIDTH - LEFT - RIGHT) / bins
    body = ""
    for index, count in enumerate(counts):
        height = count / top * (HEIGHT - TOP - BOTTOM)
        x, y = LEFT + index * span, HEIGHT - BOTTOM - height
        low, high = index * top_value / bins, (index + 1) * top_value / bins
        title = f"<title>{low:g} to {high:g}: {count}</title>"
        body += (
            f'<rect class="bar" x="{x + 1:.1f}" y="{y:.1f}" width="{span - 2:.1f}" height="{height:.1f}">{title}</rect>'
        )
        if index % 2 == 0:
            body += f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 14}" text-anchor="middle">{low:g}</text>'
    return _frame(body, top=top, x_label=x_label, y_label=y_label)


def line(points: Sequence[Point], *, x_label: str, y_label: str) -> str:
    """A filled line over time."""
    last = max((x for x, _ in points), default=1.0) or 1.0
    top = nice_top(max((y for _, y in points), default=1.0))
    placed = [
        (LEFT + x / last * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - y / top * (HEIGHT - TOP - BOTTOM))
        for x, y in points
    ]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in placed)
    base = HEIGHT - BOTTOM
    body = f'<polygon class="area" points="{placed[0][0]:.1f},{base} {path} {placed[-1][0]:.1f},{base}"/>'
    body += f'<polyline class="line" points="{path}"/>'
    digits = 1 if last < 100 else 0
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        x = LEFT + share * (WIDTH - LEFT - RIGHT)
        body += f'<text x="{x:.1f}" y="{base + 14}" text-anchor="middle">{share * last:.{digits}f}</text>'
    return _frame(body, top=top, x_label=x_label, y_label=y_label)


def paths_over(image: str, size: tuple[int, int], paths: Mapping[str, Sequence[Point]]) -> str:
    """Lines over a picture (a data URI); the key of a path is its tool tip."""
    width, height = size
    drawn = [f'<image href="{image}" width="{width}" height="{height}" opacity="0.75"/>']
    for index, (title, points) in enumerate(paths.items()):
        colour = f"hsl({index * 137 % 360} 95% 62%)"
        path = " ".join(f"{x:g},{y:g}" for x, y in points)
        end = points[-1]
        drawn.append(
            f'<g class="path" stroke="{colour}" fill="{colour}"><title>{escape(title)}</title>'
            f'<polyline fill="none" points="{path}"/>'
            f'<circle cx="{end[0]:g}" cy="{end[1]:g}" r="{width / 160:.1f}"/></g>'
        )
    return f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="paths of the vehicles">{"".join(drawn)}</svg>'


def bar(share: float) -> str:
    """A horizontal bar for a share of 0 … 1."""
    return f'<span class="meter"><span style="width:{100 * min(max(share, 0.0), 1.0):.1f}%"></span></span>'
