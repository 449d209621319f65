"""A graph of stages as text: which branch each stands in, and the points of a matrix as small cells."""

from collections.abc import Mapping, Sequence

CELLS = {
    "succeeded": "+", "stale": "~", "skipped": "-", "running": ">", "preparing": ">", "queued": "o", "waiting": "?",
    "failed": "x", "aborted": "x", "lost": "!", "pending": ".",
}  # fmt: skip
PER_LINE = 50


def drawn(needs: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """By stage a line of lanes: `|` is a branch that goes on beside it, `*` the stage's own. A row needs no lanes."""
    if not any(needs.values()):
        return {name: name for name in needs}
    last = {need: place for place, name in enumerate(needs) for need in needs[name]}
    lanes: list[str | None] = []
    found = {}
    for place, name in enumerate(needs):
        for at, other in enumerate(lanes):
            if other is not None and last.get(other, -1) <= place:
                lanes[at] = None  # nobody below needs it
        at = lanes.index(None) if None in lanes else len(lanes)
        lanes[at:at] = [] if at < len(lanes) else [None]
        lanes[at] = name
        found[name] = _line(lanes, at, name, needs[name])
    return found


def _line(lanes: Sequence[str | None], at: int, name: str, needed: Sequence[str]) -> str:
    marks = ["*" if place == at else "|" if lane else " " for place, lane in enumerate(lanes)]
    joined = f" < {', '.join(needed)}" if len(needed) > 1 else ""
    return f"{' '.join(marks)} {name}{joined}"


def cells(states: Sequence[str]) -> str:
    """One sign a point, in lines, with a key."""
    signs = "".join(CELLS.get(state, ".") for state in states)
    lines = [signs[at : at + PER_LINE] for at in range(0, len(signs), PER_LINE)]
    counts = ", ".join(f"{CELLS.get(state, '.')} {states.count(state)} {state}" for state in dict.fromkeys(states))
    return "  ".join([*lines, f"({counts})"])
