"""What would happen: the replies, the starts and where, what becomes stale. By the same functions as the nodes."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from flow.model.snapshot import ProjectView, Snapshot
from flow.placement.capacity import asked, claimed
from flow.placement.gpus import holders
from flow.placement.grants import asker
from flow.placement.ranking import admitted, busy_counts, candidates, data_of, place
from flow.project.active import open_views
from flow.project.interpolation import as_text
from flow.project.replies import answer_all, pending_abort, steps_of
from flow.project.steps import Slot, Waiting
from flow.status.states import queued, stale
from schema.execution import AskedRecord, State
from schema.pipeline import Stage
from schema.reasons import Wait


@dataclass(frozen=True, slots=True)
class _Load:
    """What is spoken for, by node, with what is planned so far."""

    busy: dict[str, int]
    taken: dict[str, dict[str, str]]
    claims: dict[str, dict[tuple[str, int], AskedRecord]]

    def take(self, node: str, view: ProjectView, stage: Stage, gpus: Iterable[str]) -> None:
        self.busy[node] = self.busy.get(node, 0) + 1
        self.taken.setdefault(node, {}).update(dict.fromkeys(gpus, view.id))
        planned = self.claims.setdefault(node, {})
        planned[view.id, view.last_execution + len(planned) + 1] = asked(stage.resources)


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


def plan(snapshot: Snapshot) -> list[Planned]:
    """One entry for each project for which something would happen, in the order in which nodes would see to them."""
    load = _Load(busy_counts(snapshot), holders(snapshot), claimed(open_views(snapshot)))
    found = []
    for view in sorted(snapshot.projects.values(), key=_urgency):
        for planned in _project(snapshot, view, load):
            if planned.changes:
                found.append(planned)
    return found


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


def _urgency(view: ProjectView) -> tuple[int, str]:
    return (-(view.project.priority if view.project else 0), view.id)


def _project(snapshot: Snapshot, view: ProjectView, load: _Load) -> Iterator[Planned]:
    """What is replied comes with the first slot that would be started."""
    if view.deletion:
        word = "deleted at once" if view.deletion.now else "deleted after its grace time"
        yield Planned(view.id, replies=() if view.buried else (word,))
        return
    replies, after = [], view
    for answered in answer_all(view):
        reply = answered.reply
        verdict = "accepted" if reply.accepted else f"rejected, {reply.reason}: {reply.text}"
        replies.append(f"{reply.request} {verdict}")
        after = answered.view
    planned = Planned(view.id, tuple(replies), None if view.damage else pending_abort(view))
    steps = steps_of(after)
    for slot in steps.slots:
        yield _starting(snapshot, after, slot, planned, load)
        planned = Planned(view.id)
    if not steps.slots:
        yield replace(planned, waits=f"{steps.wait.reason}: {steps.wait.text}" if steps.wait else "")


def _starting(snapshot: Snapshot, view: ProjectView, slot: Slot, planned: Planned, load: _Load) -> Planned:
    nodes = candidates(snapshot, admitted(snapshot), load.busy, load.taken, claims=load.claims)
    placement = place(slot, nodes, who=asker(view), data=data_of(snapshot, view, slot))
    waiting, could = queued(snapshot, view, slot, load.busy, load.taken, load.claims)
    first = next((node for node in nodes if node.name in placement.ranked[:1]), None)
    gpus = tuple(gpu.uuid for gpu in (first and first.gpus_for(slot.stage)) or ())
    if first:
        load.take(first.name, view, slot.stage, gpus)
    return replace(
        planned,
        stage=slot.name,
        inputs=slot.scope.inputs,
        env=_environment(slot),
        workspace=slot.source,
        nodes=placement.ranked,
        gpus=gpus,
        could=could,
        waits=_waits(waiting),
        stale=_becoming_stale(view, slot),
    )


def _waits(waiting: Waiting) -> str:
    return "" if waiting.reason is Wait.ELECTION else f"{waiting.reason}: {waiting.text}"


def _environment(slot: Slot) -> dict[str, str]:
    """What people set, the stronger layer winning; places are filled in when the stage is taken."""
    merged: dict[str, str] = {}
    for layer in ("pipeline", "stage", "project", "request"):
        merged |= {name: as_text(value) for name, value in slot.env.get(layer, {}).items()}
    return merged


def _becoming_stale(view: ProjectView, slot: Slot) -> tuple[str, ...]:
    """Stages whose results build on the one that would be made anew."""
    last = next((e for e in reversed(view.executions) if e.slot == slot.name and e.state is State.SUCCEEDED), None)
    if last is None:
        return ()
    number = view.last_execution + 1
    redone = last.model_copy(update={"execution": number, "result": None})  # which nobody knows yet
    fresh = stale(replace(view, executions=(*view.executions, redone))) - stale(view)
    return tuple(sorted({e.stage for e in view.executions if e.execution in fresh}))
