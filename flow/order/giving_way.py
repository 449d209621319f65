"""Which interruptible stages give way to one that waits and has a higher priority. Pure, and the same on every node.

Priority is here what projects say; what waiting adds to it counts for nothing. So of two stages never each can
interrupt the other, and what was interrupted never comes back by interrupting. All that gives way to one stage runs on
one node, which ends it together or not at all: a stage that ended alone would only be started again.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from flow.fold.steps import Slot
from flow.model.snapshot import ProjectView
from flow.placement.ranking import Candidate, Placement, weight


@dataclass(frozen=True, slots=True)
class Interruptible:
    """An execution that may be ended for another stage. `saves`: the next attempt begins with what it saved."""

    project: str
    execution: int
    priority: int
    saves: bool
    started: str

    @property
    def who(self) -> str:
        return f"{self.project}/{self.execution}"

    @property
    def cost(self) -> tuple[object, ...]:
        """Sorted by it, what is ended first stands first: little priority, little lost."""
        return (self.priority, not self.saves, _later_first(self.started), self.project, self.execution)


@dataclass(frozen=True, slots=True)
class GivingWay:
    """On one node, all that has to end so that a stage can begin there."""

    node: str
    ended: tuple[Interruptible, ...]


def _later_first(moment: str) -> tuple[int, ...]:
    """Nobody's clock decides more here than which of several ends."""
    return tuple(-ord(sign) for sign in moment)


def interruptible(views: Iterable[ProjectView]) -> dict[str, list[Interruptible]]:
    """By node, cheapest first."""
    found: dict[str, list[Interruptible]] = {}
    for view in views:
        for record in view.executions if view.project and not view.damage else ():
            if not record.state.active or record.asked is None or record.asked.min_runtime is None:
                continue
            assert view.project
            stage = view.definition.stage(record.stage) if view.definition else None
            saves, began = bool(stage and stage.checkpoint), record.times.started or ""
            each = Interruptible(view.id, record.execution, view.project.priority, saves, began)
            found.setdefault(record.claim.node, []).append(each)
    return {node: sorted(those, key=lambda each: each.cost) for node, those in found.items()}


def way_for(
    slot: Slot,
    view: ProjectView,
    placement: Placement,
    nodes: Iterable[Candidate],
    known: Mapping[str, Sequence[Interruptible]],
    taken: set[str],
) -> GivingWay | None:
    """What gives way to a slot that fits nowhere now. `taken`: nodes that keep room for another one already."""
    priority = view.project.priority if view.project else 0
    found: list[GivingWay] = []
    for node in nodes:
        below = [each for each in known.get(node.name, ()) if each.priority < priority]
        if below and node.name in placement.could and node.standing.takes and node.name not in taken:
            ended = _enough(below, lambda those, node=node: _fits(slot, without(node, those)))  # type: ignore[misc]
            found += [GivingWay(node.name, ended)] if ended else []
    key = repr((view.id, slot.key))
    return min(found, key=lambda way: (*_loss(way), weight(way.node, key)), default=None)


def _loss(way: GivingWay) -> tuple[object, ...]:
    saved_nothing = sum(not each.saves for each in way.ended)
    return (max(each.priority for each in way.ended), saved_nothing, len(way.ended))


def _enough(
    below: Sequence[Interruptible], fits: Callable[[Sequence[Interruptible]], bool]
) -> tuple[Interruptible, ...]:
    """The cheapest that suffice, none of which could be spared; nothing where all together do not."""
    if not fits(below):
        return ()
    ended = list(below)
    for each in reversed(below):
        fewer = [other for other in ended if other is not each]
        if fewer and fits(fewer):
            ended = fewer
    return tuple(ended)


def _fits(slot: Slot, node: Candidate) -> bool:
    return node.free and node.gpus_for(slot.stage) is not None and not node.shortage(slot.stage)


def without(node: Candidate, ended: Iterable[Interruptible]) -> Candidate:
    """The node once these have ended."""
    gone = {(each.project, each.execution) for each in ended}
    names = {f"{project}/{execution}" for project, execution in gone}
    return replace(
        node,
        busy=node.busy - len(gone),
        taken={
            gpu: left
            for gpu, held in node.taken.items()
            if (left := {who: share for who, share in held.items() if who not in names})
        },
        claims={key: asked for key, asked in node.claims.items() if key not in gone},
    )
