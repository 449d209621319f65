"""States for people: of projects and of their stages. The same on every node, page and terminal."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from flow.advance import Slot, Steps, Waiting, floors
from flow.asked import Pausing, answered, continued, pausing
from flow.controls import steps_of
from flow.gpus import Holders, holders
from flow.node_states import AWAY, NodeState, nobody_answers, standing
from flow.placement import Placement, admitted, busy_counts, candidates, data_of, misfit, place
from flow.reproduced import agrees, still_done
from flow.world import ProjectView, RequestFile, Snapshot
from schema.execution import Execution, State
from schema.pipeline import Pipeline, Stage
from schema.reasons import Wait

MOST_ASKED = 3
"""So many requests without a reply are named."""
STATES = ("running", "needs_input", "failed", "paused", "queued", "succeeded", "new", "invalid")
"""Of projects; the first that holds."""

CLASSES = {
    "running": "RUNNING",
    "queued": "RUNNING",
    "preparing": "RUNNING",
    "needs_input": "PAUSED",
    "paused": "PAUSED",
    "pending": "PAUSED",
    "waiting": "PAUSED",
    "new": "PAUSED",
    "succeeded": "SUCCEEDED",
    "skipped": "SUCCEEDED",
    "stale": "SUCCEEDED",
}
_BY_REASON = {
    Wait.MANUAL_APPROVAL: "needs_input",
    Wait.INPUT_MISSING: "needs_input",
    Wait.FAILED: "failed",
    Wait.PAUSE_REQUESTED: "paused",
    Wait.REJECTED: "paused",
    Wait.NODE_OFFLINE: "queued",
    Wait.DONE: "succeeded",
    Wait.NOT_STARTED: "new",
    Wait.INVALID: "invalid",
}


def state_class(state: str) -> str:
    """The four words RUNNING PAUSED SUCCEEDED FAILED; aborted and lost count as FAILED."""
    return CLASSES.get(state, "FAILED")


@dataclass(frozen=True, slots=True)
class StageState:
    stage: str
    state: str
    reason: str | None = None
    text: str = ""
    execution: int | None = None


@dataclass(frozen=True, slots=True)
class ProjectState:
    """Where a project stands. `could` are the nodes that could run the stage it waits at."""

    project: str
    pipeline: str
    state: str
    reason: str | None
    text: str
    stage: str | None
    execution: Execution | None
    could: tuple[str, ...] = ()
    pauses: Pausing | None = None  # what was asked for while it runs; the last words of `text`

    @property
    def why(self) -> str:
        """The reason code and its words, as far as there are any."""
        return ": ".join(part for part in (str(self.reason or ""), self.text) if part)


def project_state(snapshot: Snapshot, view: ProjectView) -> ProjectState:
    """The first that holds of running, needs_input, failed, paused, queued, succeeded, new, invalid."""
    steps = steps_of(view)
    name = view.project.pipeline if view.project else (view.definition.name if view.definition else "")
    if view.deletion:
        text = f"deleted by {view.deletion.by}; restore its project.yaml to keep it"
        return ProjectState(view.id, name, "invalid", Wait.DELETED, text, None, None)
    if steps.active:
        record = steps.running or steps.active[-1]
        return _pausing(_running(snapshot, view, name, record), view, record)
    if steps.run:
        waiting, could = queued(snapshot, view, steps.run)
        lost = view.execution(steps.run.replaces) if steps.run.replaces else None
        resting = ProjectState(view.id, name, "queued", waiting.reason, waiting.text, steps.stage, lost, could)
    else:
        resting = _waiting(snapshot, view, name, steps)
    return _with_unanswered(snapshot, resting, view)


def _running(snapshot: Snapshot, view: ProjectView, name: str, record: Execution) -> ProjectState:
    """What it says of itself, and whether its node still answers."""
    node = standing(snapshot, record.claim.node)
    if node.state not in AWAY or node.state is NodeState.ABSENT:
        return ProjectState(view.id, name, "running", None, record.text, record.stage, record)
    text = "; ".join(filter(None, (f"its node {node.node} is {node.why}", record.text)))
    return ProjectState(view.id, name, "running", Wait.NODE_OFFLINE, text, record.stage, record)


def _pausing(now: ProjectState, view: ProjectView, record: Execution) -> ProjectState:
    """With what was asked for after it: that is in nobody's sight until the stage has ended."""
    pauses = pausing(view, record) if continued(view.replies, record) else None
    if pauses is None:
        return now
    text = "; ".join(filter(None, (now.text, pauses.words)))
    return replace(now, reason=now.reason or Wait.PAUSE_REQUESTED, text=text, pauses=pauses)


def _with_unanswered(snapshot: Snapshot, now: ProjectState, view: ProjectView) -> ProjectState:
    """Who asked for what is seen until it has its reply."""
    if not view.asked:
        return now
    asked = "1 request is not answered yet" if view.asked == 1 else f"{view.asked} requests are not answered yet"
    known = [file for file in view.unanswered[:MOST_ASKED] if file.by]
    who = ", ".join(f"{_kind(file)} by {file.by.partition(' <')[0]}" for file in known)
    asked += f" ({who})" if who else ""
    asked = ": ".join(filter(None, (asked, nobody_answers(snapshot))))
    return replace(now, text=f"{now.text}; {asked}" if now.text else asked)


def _kind(file: RequestFile) -> str:
    return file.request.request if file.request else file.name


def _waiting(snapshot: Snapshot, view: ProjectView, name: str, steps: Steps) -> ProjectState:
    waiting = steps.wait or Waiting(Wait.NOT_STARTED)
    state, reason, text = _BY_REASON[waiting.reason], waiting.reason, waiting.text
    if reason is Wait.PAUSE_REQUESTED and still_done(view):
        return ProjectState(view.id, name, "succeeded", None, "", None, _last(view))
    if state == "new" and (view.problem or view.pipeline is None):
        state, reason = "invalid", Wait.INVALID
        text = view.problem or view.pipeline_problem or f"there is no pipeline {name!r}"
    if state == "new" and view.replies and not view.replies[-1].accepted:
        text = f"{view.replies[-1].request} was rejected: {view.replies[-1].reason}: {view.replies[-1].text}"
    if state == "succeeded":
        return ProjectState(view.id, name, state, None, "", None, _last(view))
    execution = view.execution(waiting.execution) if waiting.execution else None
    could = _could(snapshot, view, waiting, execution)
    return ProjectState(view.id, name, state, reason, text, waiting.stage, execution, could)


def _could(snapshot: Snapshot, view: ProjectView, waiting: Waiting, execution: Execution | None) -> tuple[str, ...]:
    """Nodes that could run the stage once a person let it go on; a gate needs none."""
    if waiting.reason is Wait.NODE_OFFLINE and execution:
        return (execution.claim.node,)
    stage = view.definition.stage(waiting.stage) if view.definition and waiting.stage else None
    if stage is None or stage.gate:
        return ()
    pinned = view.project.node if view.project else None
    nodes = candidates(snapshot, admitted(snapshot), {}, {})
    return tuple(node.name for node in nodes if node.standing.answers and misfit(stage, node, pinned) is None)


def _last(view: ProjectView) -> Execution | None:
    return view.executions[-1] if view.executions else None


def queued(
    snapshot: Snapshot,
    view: ProjectView,
    slot: Slot,
    busy: Mapping[str, int] | None = None,
    taken: Mapping[str, Holders] | None = None,
) -> tuple[Waiting, tuple[str, ...]]:
    """Why a wanted slot does not run yet, as far as the repository tells, and which nodes could run it."""
    busy = busy_counts(snapshot) if busy is None else busy
    taken = holders(snapshot) if taken is None else taken
    nodes = candidates(snapshot, admitted(snapshot), busy, taken)
    pinned = view.project.node if view.project else None
    placement = place(slot, nodes, pinned=pinned, data=data_of(snapshot, view, slot))
    if placement.reason:
        return Waiting(placement.reason, slot.stage.name, _why(snapshot, placement.text)), placement.could
    if slot.backoff:
        return Waiting(Wait.BACKOFF, slot.stage.name, f"tried again after {slot.backoff:g} s"), placement.could
    return Waiting(Wait.ELECTION, slot.stage.name, _election(placement)), placement.could


def _election(placement: Placement) -> str:
    text = f"for {', '.join(placement.ranked)}"
    return f"{text}; {placement.text}" if placement.text else text


def _why(snapshot: Snapshot, text: str) -> str:
    barred = sorted(set(snapshot.inventories) - set(admitted(snapshot)))
    return f"{text}; not admitted (nodes/<node>.yaml is missing): {', '.join(barred)}" if barred else text


def stage_states(snapshot: Snapshot, view: ProjectView) -> list[StageState]:
    """Every stage of the latest chain's definition, or of the pipeline before there is one."""
    pipeline = view.definition or view.pipeline
    if pipeline is None:
        return []
    now = project_state(snapshot, view)
    steps = (still_done(view) if now.state == "succeeded" else None) or steps_of(view)
    outdated = stale(view)
    return [_stage(view, pipeline, stage, steps, now, outdated) for stage in pipeline.stages]


def _stage(
    view: ProjectView,
    pipeline: Pipeline,
    stage: Stage,
    steps: Steps,
    now: ProjectState,
    outdated: frozenset[int],
) -> StageState:
    newest = next((e for e in reversed(view.executions) if e.stage == stage.name and _counts(e)), None)
    number = newest.execution if newest else None
    if newest and newest.state.active:
        shown = "queued" if newest.state is State.CLAIMED else str(newest.state)
        if now.execution is newest:
            return StageState(stage.name, shown, now.reason, now.text, number)
        return StageState(stage.name, shown, None, newest.text, number)
    if steps.chain and _skipped(pipeline, steps, stage):
        return _plain(stage.name, "skipped")
    if now.stage == stage.name and now.state in ("queued", "needs_input", "paused", "invalid"):
        return StageState(stage.name, _resting(now, steps), now.reason, _with_nodes(now), number)
    if newest is None:
        if not _passed(pipeline, steps, stage):
            return _plain(stage.name, "pending")
        told = answered(view, stage.name)
        return StageState(stage.name, "succeeded", None, told) if told else _plain(stage.name, "succeeded")
    if newest.state is State.SUCCEEDED:
        return _plain(stage.name, "stale" if number in outdated else "succeeded", number)
    if (
        newest.state is State.LOST and now.stage == stage.name
    ):  # a loss has no reason of its own; what follows from it has
        return StageState(stage.name, "lost", now.reason, _with_nodes(now), number)
    return StageState(stage.name, str(newest.state), newest.reason, newest.text, number)


@lru_cache(4096)
def _plain(stage: str, state: str, execution: int | None = None) -> StageState:
    """The same object in thousands of projects."""
    return StageState(stage, state, None, "", execution)


def _resting(now: ProjectState, steps: Steps) -> str:
    if now.reason == Wait.NODE_OFFLINE and steps.wait:  # it was running there
        return "lost"
    return "queued" if now.state == "queued" else "waiting"


def _with_nodes(now: ProjectState) -> str:
    named = now.reason == Wait.NODE_OFFLINE
    return f"{now.text} (could run on {', '.join(now.could)})" if now.could and not named else now.text


def _counts(execution: Execution) -> bool:
    return execution.state is not State.SUPERSEDED


def _passed(pipeline: Pipeline, steps: Steps, stage: Stage) -> bool:
    """Whether a gate was answered: on this chain's way, or before where it began."""
    if not stage.gate or steps.chain is None:
        return False
    chain = steps.chain
    if pipeline.stage(chain.stage) and pipeline.index(stage.name) < pipeline.index(chain.stage):
        return stage.name in chain.answers or stage.name in chain.inherited
    return stage.name in steps.satisfied


def _skipped(pipeline: Pipeline, steps: Steps, stage: Stage) -> bool:
    assert steps.chain
    return steps.chain.skipped.get(stage.name, 0) > floors(pipeline, steps.chain)[stage.name].seq


def stale(view: ProjectView) -> frozenset[int]:
    """Successful executions that build on a result which was redone since, and came out otherwise."""
    succeeded = [e for e in view.executions if e.state is State.SUCCEEDED]
    newest = {e.stage: e.execution for e in succeeded}
    by_number = {e.execution: e for e in view.executions}
    replaced = {
        number
        for number, e in by_number.items()
        if (other := newest.get(e.stage, number)) != number and not agrees(e, by_number[other])
    }
    if not replaced:  # nothing has to be read of what each was built on
        return frozenset()
    return frozenset(e.execution for e in succeeded if any(a.execution in replaced for a in _ancestors(e, by_number)))


def _ancestors(execution: Execution, by_number: Mapping[int, Execution]) -> Iterator[Execution]:
    number = execution.workspace.source
    while number is not None and number in by_number:
        yield by_number[number]
        number = by_number[number].workspace.source
