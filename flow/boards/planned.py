"""What the nodes would do with a project, as a value, and what of it is due to a change."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Planned:
    """What the nodes would do with one project, or with one more of its slots. Empty where they would do nothing.

    `aborts` is the execution that would be ended first; what follows from its end is not foretold. `nodes` are those
    that would run the stage, best first; `could` those that could once they are free.
    """

    project: str
    replies: tuple[str, ...] = ()
    aborts: int | None = None
    stage: str | None = None
    inputs: Mapping[str, object] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    workspace: int | None = None
    nodes: tuple[str, ...] = ()
    gpus: tuple[str, ...] = ()  # of the first of them
    could: tuple[str, ...] = ()
    waits: str = ""
    stale: tuple[str, ...] = ()

    @property
    def changes(self) -> bool:
        return bool(self.replies or self.aborts or self.stage)


def difference(before: Sequence[Planned], after: Sequence[Planned]) -> list[Planned]:
    """What of `after` is due to a change: a project whose plan is the same as `before` is left out."""
    known = _by_place(before)
    gone = known.keys() - _by_place(after).keys()
    news = [each for place, each in _by_place(after).items() if known.get(place) != each]
    return news + [Planned(place[0], replies=(f"no longer: {_told(known[place])}",)) for place in sorted(gone)]


def _by_place(planned: Sequence[Planned]) -> dict[tuple[str, int], Planned]:
    """By project, and by which of its starts it is."""
    found: dict[tuple[str, int], Planned] = {}
    for each in planned:
        found[each.project, sum(project == each.project for project, _ in found)] = each
    return found


def _told(planned: Planned) -> str:
    return f"start of {planned.stage}" if planned.stage else "; ".join(planned.replies)
