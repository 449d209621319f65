"""States for people: of projects and of their stages. The same on every node, page and terminal."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from flow.fold.graph import graph_of
from flow.fold.steps import PointStanding, Slot, Standing, Steps, Waiting, plain_standing
from flow.model.memo import Memo
from flow.model.snapshot import ProjectView, RequestFile, Snapshot
from flow.node.node_states import AWAY, NodeState, nobody_answers, standing
from flow.order.limits import AccountUse, beyond, in_use
from flow.order.shares import account_of
from flow.placement.capacity import Claims, claimed
from flow.placement.gpus import Holders, holders
from flow.placement.grants import asker
from flow.placement.ranking import Placement, admitted, busy_counts, candidates, misfit, placed
from flow.project.active import open_views
from flow.project.replies import steps_of
from flow.project.reproduced import agrees, still_done
from flow.status.asked import Pausing, answered, pausing
from schema.execution import Execution, State, slot_name
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
    needs: tuple[str, ...] = ()
    points: tuple["StageState", ...] = ()  # of its matrix, each as `stage.number`


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
    """The first that holds of running, needs_input, failed, paused, queued, succeeded, new, invalid.

    Whoever shows many projects shows the others, too, where one meets a fault that nobody thought of.
    """
    name = view.project.pipeline if view.project else (view.definition.name if view.definition else "")
    try:
        return _project_state(snapshot, view, name)
    except Exception as error:
        return ProjectState(view.id, name, "invalid", Wait.INVALID, fault_text(error), None, None)


def fault_text(error: Exception) -> str:
    """Of a fault in Winslow itself, met where one project was looked at."""
    return f"it cannot be shown, which is a fault in Winslow; report it: {type(error).__name__}: {str(error)[:200]}"


def _project_state(snapshot: Snapshot, view: ProjectView, name: str) -> ProjectState:
    steps = steps_of(view)
    if view.deletion:
        text = f"deleted by {view.deletion.by}; restore its project.yaml to keep it"
        return ProjectState(view.id, name, "invalid", Wait.DELETED, text, None, None)
    if steps.active:
        record = steps.running or steps.active[-1]
        return _pausing(_running(snapshot, view, name, steps, record), view, steps, record)
    if steps.run and not steps.asked:
        waiting, could = queued(snapshot, view, steps.run)
        lost = view.execution(steps.run.replaces) if steps.run.replaces else None
        resting = ProjectState(view.id, name, "queued", waiting.reason, waiting.text, steps.stage, lost, could)
    else:
        resting = _waiting(snapshot, view, name, steps)
    return _with_unanswered(snapshot, resting, view)


def _running(snapshot: Snapshot, view: ProjectView, name: str, steps: Steps, record: Execution) -> ProjectState:
    """What it says of itself, and whether its node still answers."""
    node, text = standing(snapshot, record.claim.node), _running_text(steps, record)
    if node.state not in AWAY or node.state is NodeState.ABSENT:
        return ProjectState(view.id, name, "running", None, text, record.stage, record)
    text = "; ".join(filter(None, (f"its node {node.node} is {node.why}", text)))
    return ProjectState(view.id, name, "running", Wait.NODE_OFFLINE, text, record.stage, record)


def _pausing(now: ProjectState, view: ProjectView, steps: Steps, record: Execution) -> ProjectState:
    """With what was asked for after it: that is in nobody's sight until the stage has ended."""
    pauses = pausing(view, steps.chain, record, steps.active)
    if pauses is None:
        return now
    text = "; ".join(filter(None, (now.text, pauses.words)))
    if any(wait.reason in (Wait.FAILED, Wait.REJECTED) for wait in steps.waits):  # a resume would begin those, too
        pauses = replace(pauses, undo=False)
    return replace(now, reason=now.reason or Wait.PAUSE_REQUESTED, text=text, pauses=pauses)


def _running_text(steps: Steps, record: Execution) -> str:
    """What the one that runs says of itself, and what a person is asked for meanwhile."""
    more = len(steps.active) - 1
    also = [f"{more} more {'runs' if more == 1 else 'run'}"] if more else []
    asked = [f"{each.stage} waits for a person" for each in steps.asked[:3]]
    return "; ".join(part for part in (record.text, *also, *asked) if part)


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
    waiting = steps.foremost or Waiting(Wait.NOT_STARTED)
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
    who = asker(view)
    nodes = candidates(snapshot, admitted(snapshot), {}, {})
    return tuple(node.name for node in nodes if node.standing.answers and misfit(stage, node, who) is None)


def _last(view: ProjectView) -> Execution | None:
    return view.executions[-1] if view.executions else None


def _claimed(snapshot: Snapshot) -> Mapping[str, Claims]:
    return claimed(open_views(snapshot))


_claims: Memo[Snapshot, Mapping[str, Claims]] = Memo(_claimed, 4)


def queued(
    snapshot: Snapshot,
    view: ProjectView,
    slot: Slot,
    busy: Mapping[str, int] | None = None,
    taken: Mapping[str, Holders] | None = None,
    claims: Mapping[str, Claims] | None = None,
) -> tuple[Waiting, tuple[str, ...]]:
    """Why a wanted slot does not run yet, as far as the repository tells, and which nodes could run it."""
    busy = busy_counts(snapshot) if busy is None else busy
    taken = holders(snapshot) if taken is None else taken
    claims = _claims(snapshot) if claims is None else claims
    nodes = candidates(snapshot, admitted(snapshot), busy, taken, claims=claims)
    placement = placed(snapshot, view, slot, nodes)
    if placement.reason and placement.reason is not Wait.RESOURCES:
        return Waiting(placement.reason, slot.stage.name, _why(snapshot, placement.text)), placement.could
    if limited := beyond(snapshot.settings, _in_use(snapshot), _account(snapshot, view, slot), slot.stage):
        return limited, placement.could
    if placement.reason:
        return Waiting(placement.reason, slot.stage.name, _why(snapshot, placement.text)), placement.could
    if slot.backoff:
        return Waiting(Wait.BACKOFF, slot.stage.name, f"tried again after {slot.backoff:g} s"), placement.could
    return Waiting(Wait.ELECTION, slot.stage.name, _election(placement)), placement.could


def _account(snapshot: Snapshot, view: ProjectView, slot: Slot) -> str:
    return account_of(snapshot.settings.fair_share, view, slot.chain)


def _used(snapshot: Snapshot) -> AccountUse:
    return in_use(snapshot.settings, open_views(snapshot))


_in_use: Memo[Snapshot, AccountUse] = Memo(_used, 4)


def _election(placement: Placement) -> str:
    text = f"for {', '.join(placement.ranked)}"
    return f"{text}; {placement.text}" if placement.text else text


def _why(snapshot: Snapshot, text: str) -> str:
    barred = sorted(set(snapshot.inventories) - set(admitted(snapshot)))
    return f"{text}; not admitted (nodes/<node>.yaml is missing): {', '.join(barred)}" if barred else text


def stage_states(snapshot: Snapshot, view: ProjectView) -> list[StageState]:
    """Every stage of the latest chain's definition, or of the pipeline before there is one."""
    pipeline = view.definition or view.pipeline
    try:
        return _Stages(snapshot, view, pipeline).all() if pipeline else []
    except Exception:  # `project_state` says it
        return []


class _Stages:
    """The states of all stages of one project, which share what was looked up for them."""

    def __init__(self, snapshot: Snapshot, view: ProjectView, pipeline: Pipeline) -> None:
        self.snapshot, self.view, self.pipeline = snapshot, view, pipeline
        self.now, self.outdated = project_state(snapshot, view), stale(view)
        self.steps = (still_done(view) if self.now.state == "succeeded" else None) or steps_of(view)
        self.newest: dict[str, Execution] = {}
        for execution in view.executions:
            if execution.state is not State.SUPERSEDED:
                self.newest[execution.stage] = self.newest[execution.slot] = execution
        self.waits = {wait.stage: wait for wait in reversed(self.steps.waits)}
        self.slots = {slot.stage.name: slot for slot in reversed(self.steps.slots)}

    def all(self) -> list[StageState]:
        standings = {each.stage: each for each in self.steps.standings}
        graph = None if self.pipeline.plain else graph_of(self.pipeline)
        found = []
        for stage in self.pipeline.stages:
            where = standings.get(stage.name) or plain_standing(stage.name, "pending")
            state = self._stage(stage, where)
            if graph:
                state = replace(state, needs=tuple(need.stage for need in graph.needs[stage.name]))
            found.append(replace(state, points=self._points(stage, where)) if where.points else state)
        return found

    def _points(self, stage: Stage, where: Standing) -> tuple[StageState, ...]:
        return tuple(self._point(stage, point) for point in where.points)

    def _point(self, stage: Stage, point: PointStanding) -> StageState:
        name = slot_name(stage.name, point.point)
        newest = self.newest.get(name)
        number = newest.execution if newest else None
        match point.status:
            case "active" if newest:
                return self._active(name, newest)
            case "run":
                return StageState(name, "queued", None, "", number)
            case "waiting":
                return StageState(name, "waiting", None, point.text, number)
            case "skipped":
                return StageState(name, "skipped", None, point.text, number)
            case "blocked":
                return StageState(name, "pending", Wait.DEPENDENCY, point.text, number)
            case _ if newest is None:
                return StageState(name, "skipped" if point.status == "done" else "pending", None, point.text)
        return self._ended(name, newest)

    def _stage(self, stage: Stage, where: Standing) -> StageState:
        newest = self.newest.get(stage.name)
        number = newest.execution if newest else None
        if where.status == "active" and where.points:
            return self._several(stage, where, number)
        if newest and newest.state.active:
            return self._active(stage.name, newest)
        if self._left_out(stage) or where.status == "skipped":
            return StageState(stage.name, "skipped", None, where.text) if where.text else _plain(stage.name, "skipped")
        if resting := self._resting(stage, where, number):
            return resting
        if newest is None and where.status == "blocked":
            return StageState(stage.name, "pending", Wait.DEPENDENCY, where.text)
        if newest is None:
            told = answered(self.view, stage.name) if self._passed(stage, where) else ""
            if told:
                return StageState(stage.name, "succeeded", None, told)
            return _plain(stage.name, "succeeded" if self._passed(stage, where) else "pending")
        if where.points and where.status == "failed":
            return StageState(stage.name, "failed", Wait.FAILED, where.text, number)
        return self._ended(stage.name, newest)

    def _several(self, stage: Stage, where: Standing, number: int | None) -> StageState:
        done = sum(point.status == "done" for point in where.points)
        active = sum(point.status == "active" for point in where.points)
        text = f"{active} of {len(where.points)} points run, {done} are done"
        return StageState(stage.name, "running", None, text, number)

    def _active(self, name: str, newest: Execution) -> StageState:
        shown = "queued" if newest.state is State.CLAIMED or newest.times.awaits else str(newest.state)
        if self.now.execution is newest and len(self.steps.active) == 1:
            return StageState(name, shown, self.now.reason, self.now.text, newest.execution)
        return StageState(name, shown, None, newest.text, newest.execution)

    def _ended(self, name: str, newest: Execution) -> StageState:
        number = newest.execution
        if newest.state is State.SUCCEEDED:
            return _plain(name, "stale" if number in self.outdated else "succeeded", number)
        if newest.state is State.LOST and self.now.stage == newest.stage:
            # a loss has no reason of its own; what follows from it has
            return StageState(name, "lost", self.now.reason, _with_nodes(self.now), number)
        return StageState(name, str(newest.state), newest.reason, newest.text, number)

    def _resting(self, stage: Stage, where: Standing, number: int | None) -> StageState | None:
        """What waits, and why."""
        now = self.now
        if now.stage == stage.name and now.state in ("queued", "needs_input", "paused", "invalid"):
            return StageState(stage.name, _resting(now, self.steps), now.reason, _with_nodes(now), number)
        if slot := self.slots.get(stage.name):
            waiting, could = queued(self.snapshot, self.view, slot)
            text = f"{waiting.text} (could run on {', '.join(could)})" if could else waiting.text
            return StageState(stage.name, "queued", waiting.reason, text, number)
        wait = self.waits.get(stage.name)
        if wait is None or where.status != "waiting":
            return None
        lost = wait.reason is Wait.NODE_OFFLINE
        return StageState(stage.name, "lost" if lost else "waiting", wait.reason, wait.text, number)

    def _left_out(self, stage: Stage) -> bool:
        """Whether a person skipped it."""
        return bool(self.steps.chain) and stage.name in self.steps.left_out

    def _passed(self, stage: Stage, where: Standing) -> bool:
        """Whether a gate was answered: on this chain's way, or before where it began."""
        if not stage.gate or self.steps.chain is None or where.status != "done":
            return False
        return stage.name in self.steps.chain.answers or stage.name in self.steps.chain.answered_once


@lru_cache(4096)
def _plain(stage: str, state: str, execution: int | None = None) -> StageState:
    """The same object in thousands of projects."""
    return StageState(stage, state, None, "", execution)


def _resting(now: ProjectState, steps: Steps) -> str:
    if now.reason == Wait.NODE_OFFLINE and steps.wait:  # it was running there
        return "lost"
    return "queued" if now.state == "queued" else "waiting"


def _with_nodes(now: ProjectState) -> str:
    named = now.reason in (Wait.NODE_OFFLINE, Wait.NODE_TOO_OLD)
    return f"{now.text} (could run on {', '.join(now.could)})" if now.could and not named else now.text


def stale(view: ProjectView) -> frozenset[int]:
    """Successful executions that build on a result which was redone since, and came out otherwise.

    Who goes on from a result of its own replaces that itself.
    """
    succeeded = [e for e in view.executions if e.state is State.SUCCEEDED]
    newest = {(e.stage, e.point): e.execution for e in succeeded}
    by_number = {e.execution: e for e in view.executions}
    replaced = {
        number
        for number, e in by_number.items()
        if (other := newest.get((e.stage, e.point), number)) != number and not agrees(e, by_number[other])
    }
    if not replaced:  # nothing has to be read of what each was built on
        return frozenset()
    known: dict[int, bool] = {}
    for execution in view.executions:  # what an execution was built on has a lower number
        known[execution.execution] = any(
            known.get(below, False) or (below in replaced and by_number[below].slot != execution.slot)
            for below in built_on(execution)
            if below in by_number
        )
    return frozenset(e.execution for e in succeeded if known[e.execution])


def built_on(execution: Execution) -> tuple[int, ...]:
    """The executions whose results it was given: in its workspace, and beside it."""
    source = execution.workspace.source
    read = tuple(each.execution for needed in execution.needs.values() for each in needed)
    return read if source is None else (source, *read)
