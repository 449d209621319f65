"""What would happen: the replies, the starts and where, what becomes stale. By the same functions as the nodes."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from flow.advance import Slot
from flow.controls import answer_all, steps_of
from flow.placement import busy_counts, candidates, data_of, place
from flow.views import stale
from flow.world import ProjectView, Snapshot
from schema.execution import State


@dataclass(frozen=True, slots=True)
class Planned:
    """What the nodes would do with one project. Empty where they would do nothing."""

    project: str
    replies: tuple[str, ...] = ()
    stage: str | None = None
    inputs: Mapping[str, object] = field(default_factory=dict)
    workspace: int | None = None
    nodes: tuple[str, ...] = ()
    waits: str = ""
    stale: tuple[str, ...] = ()

    @property
    def changes(self) -> bool:
        return bool(self.replies or self.stage)


def plan(snapshot: Snapshot) -> list[Planned]:
    """One entry for each project for which something would happen, by name."""
    found = (_project(snapshot, view) for view in snapshot.projects.values())
    return [planned for planned in found if planned.changes]


def _project(snapshot: Snapshot, view: ProjectView) -> Planned:
    if view.deletion:
        word = "deleted at once" if view.deletion.now else "deleted after its grace time"
        return Planned(view.id, replies=() if view.tombstone else (word,))
    replies, after = [], view
    for answered in answer_all(view):
        reply = answered.reply
        verdict = "accepted" if reply.accepted else f"rejected, {reply.reason}: {reply.text}"
        replies.append(f"{reply.request} {verdict}")
        after = answered.view
    steps = steps_of(after)
    if steps.run is None:
        waits = f"{steps.wait.reason}: {steps.wait.text}" if steps.wait else ""
        return Planned(view.id, tuple(replies), waits=waits)
    return _starting(snapshot, after, steps.run, tuple(replies))


def _starting(snapshot: Snapshot, view: ProjectView, slot: Slot, replies: tuple[str, ...]) -> Planned:
    nodes = candidates(snapshot, snapshot.inventories, busy_counts(snapshot))
    pinned = view.project.node if view.project else None
    placement = place(slot, nodes, pinned=pinned, data=data_of(snapshot, view, slot))
    return Planned(
        view.id,
        replies,
        slot.stage.name,
        slot.scope.inputs,
        slot.source,
        placement.ranked,
        f"{placement.reason}: {placement.text}" if placement.reason else "",
        _becoming_stale(view, slot),
    )


def _becoming_stale(view: ProjectView, slot: Slot) -> tuple[str, ...]:
    """Stages whose results build on the one that would be made anew."""
    last = next(
        (e for e in reversed(view.executions) if e.stage == slot.stage.name and e.state is State.SUCCEEDED), None
    )
    if last is None:
        return ()
    number = view.last_execution + 1
    redone = last.model_copy(update={"execution": number})
    fresh = stale(replace(view, executions=(*view.executions, redone))) - stale(view)
    return tuple(sorted({e.stage for e in view.executions if e.execution in fresh}))
