"""What would happen: the replies, the starts and where, what becomes stale. By the nodes' own decisions, run dry."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from flow.boards.planned import Planned
from flow.fold.interpolation import as_text
from flow.fold.steps import Slot, Waiting
from flow.model.snapshot import ProjectView, Snapshot
from flow.node.node_states import standing, what_helps
from flow.placement.ranking import placed
from flow.project.replies import answer_all, pending_abort, steps_of
from flow.reconcile.dry_run import DryRun, facts_of
from flow.reconcile.new_claims import urgency
from flow.status.states import queued, stale
from schema.execution import State
from schema.reasons import Wait


def plan(snapshot: Snapshot) -> list[Planned]:
    """One entry for each project for which something would happen, in the order in which nodes would see to them."""
    replied = {view.id: _replied(view) for view in snapshot.projects.values()}
    run = DryRun(replace(snapshot, projects={id: after for id, (_, after) in replied.items()}))
    run.go()
    found = []
    for view in sorted(snapshot.projects.values(), key=urgency):
        found += [each for each in _project(view, *replied[view.id], run) if each.changes]
    return found


def _replied(view: ProjectView) -> tuple[tuple[str, ...], ProjectView]:
    """The verdict on each request, and the project with these replies."""
    replies, after = [], view
    for answered in () if view.deletion else answer_all(view):
        reply = answered.reply
        verdict = "accepted" if reply.accepted else f"rejected, {reply.reason}: {reply.text}"
        replies.append(f"{reply.request} {verdict}")
        after = answered.view
    return tuple(replies), after


def _project(view: ProjectView, replies: tuple[str, ...], after: ProjectView, run: DryRun) -> Iterator[Planned]:
    """What is replied comes with the first slot that would be started."""
    if view.deletion:
        word = "deleted at once" if view.deletion.now else "deleted after its grace time"
        yield Planned(view.id, replies=() if view.buried else (word,))
        return
    planned = Planned(view.id, replies, None if view.damage else pending_abort(view))
    steps = steps_of(after)
    for slot in steps.slots:
        yield _starting(after, slot, planned, run)
        planned = Planned(view.id)
    if not steps.slots:
        yield replace(planned, waits=f"{steps.wait.reason}: {steps.wait.text}" if steps.wait else "")


def _starting(view: ProjectView, slot: Slot, planned: Planned, run: DryRun) -> Planned:
    """By whom it would be taken; where nobody takes it, which nodes may, and what it waits for."""
    taken = run.taken.get((view.id, slot.name))
    before = taken.before if taken else run.snapshot
    fleet = facts_of(before)
    waiting, could = queued(before, view, slot, fleet.busy, fleet.taken, fleet.claims)
    ranked = placed(before, view, slot, fleet.nodes).ranked
    others = tuple(name for name in ranked if not taken or name != taken.node)
    if not taken and waiting.reason is Wait.QUOTA:
        others = ()
    return replace(
        planned,
        stage=slot.name,
        inputs=slot.scope.inputs,
        env=_environment(slot),
        workspace=slot.source,
        nodes=(taken.node, *others) if taken else others,
        gpus=taken.gpus if taken else (),
        could=could,
        waits="" if taken else _waits(before, waiting, could),
        stale=_becoming_stale(view, slot),
    )


def _waits(snapshot: Snapshot, waiting: Waiting, could: Sequence[str]) -> str:
    """Nothing is going to run on a node that is away, so it is not said to be `on` it, as where one waits for it."""
    if waiting.reason is Wait.ELECTION:
        return ""
    nodes = [standing(snapshot, name) for name in could]
    told = ", ".join(f"{each.node} is {each.why}" for each in nodes)
    if waiting.reason is Wait.NODE_TOO_OLD:
        return f"{waiting.reason}: {told}"
    if waiting.reason is Wait.NODE_OFFLINE and nodes:
        helps = what_helps(nodes)
        return f"{waiting.reason}: {told}; {helps}{waiting.text.rpartition(helps)[2]}"
    return f"{waiting.reason}: {waiting.text}"


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
