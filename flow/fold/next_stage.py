"""What a project wants next. One pure function without time, called by nodes, page, `plan` and simulator alike.

Each slot (a stage, or a point of its matrix) is in exactly one state: run, active, waiting, done, passed over, skipped
by its condition, failed, or blocked by what failed. Stages are looked at in the order of the definition, in which every
stage stands below all that it needs. A row is the graph in which each stage needs the one before it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from flow.fold.attempts import MAX_LOSSES, failed, granted, saved_by, shunned, why
from flow.fold.chains import Chain, Ground, RestartPoint, fold, grounds
from flow.fold.graph import graph_of
from flow.fold.interpolation import InterpolationError, Scope, resolve
from flow.fold.remembered import ChainMemory, PointOutcome, StageMemory, remembered, values_of
from flow.fold.repetition import earlier_runs, newest_success, of_this_run
from flow.fold.steps import PointStanding, Slot, Standing, Status, Steps, Waiting, plain_standing
from flow.model.backoff import Backoff
from flow.model.memo import shared
from flow.points.points import NoPoints, Point, combinations, fitted, listed
from flow.points.search import best, measure_of, never_comes, proposed
from flow.points.search_by_optuna import MOST_AT_ONCE
from flow.points.search_ranges import Trial
from schema.condition import INPUT, VALUE, ConditionError, holds, parse, written
from schema.execution import Changes, Execution, State, slot_name
from schema.inputs import InputError, Value, fit_all, missing, with_defaults
from schema.pipeline import Matrix, Pipeline, Stage, When, WorkspaceOf
from schema.project import Project
from schema.reasons import End, Wait
from schema.reply import Reply
from schema.search import TrialSearch
from schema.services import EnvValue

Start = tuple[int | None, Changes | None]
"""The execution whose result a workspace begins with, and what is changed of it."""


def next_steps(
    pipeline: Pipeline | None,
    project: Project | None,
    replies: Sequence[Reply],
    executions: Sequence[Execution],
    *,
    anew: bool = False,
) -> Steps:
    """`pipeline` is the definition that the latest chain keeps; executions are by number. `anew`: nothing that is
    remembered is made use of, which takes longer and comes to the same.
    """
    active = tuple(e for e in executions if e.state.active)
    chains = fold(replies)
    if not chains:
        return Steps(None, waits=(Waiting(Wait.NOT_STARTED, text="never started"),), active=active)
    if pipeline is None or project is None:
        waiting = Waiting(Wait.INVALID, text="its definition cannot be read")
        return Steps(chains[-1], waits=(waiting,), active=active)
    pointed = bool(chains[-1].matrices) or any(stage.parallel for stage in pipeline.stages)
    memory = remembered.of(pipeline, project, replies) if pointed and not anew else {}
    return _Walk(pipeline, project, chains[-1], executions, memory).steps(active)


@dataclass(slots=True)
class _Found:
    """Where one stage stands, for those that need it.

    `settled`: nothing of it or above it is to come. `upset`: it failed, or something above it did.
    """

    status: Status = "pending"
    text: str = ""
    settled: bool = False
    upset: bool = False
    start: Start = (None, None)  # what what needs it begins with
    results: list[tuple[int | None, Execution]] = field(default_factory=list)  # accepted ones, by point
    answered: Mapping[str, object] = field(default_factory=dict)
    points: list[PointStanding] | None = None

    @property
    def values(self) -> Mapping[str, object]:
        """What it gave: of a matrix, of each key a list in the order of its points."""
        given = [values_of(each) for _, each in self.results]
        if self.points is None:
            return given[0] if given else self.answered
        keys = dict.fromkeys(key for values in given for key in values)
        return {key: [values.get(key) for values in given] for key in keys}


class _ValuesAbove(Mapping[str, Mapping[str, object]]):
    """What the stages above gave, by name. Of a thousand points it is read only if somebody asks for it."""

    def __init__(self, found: Mapping[str, _Found]) -> None:
        self.found, self.known = found, dict[str, Mapping[str, object]]()

    def __getitem__(self, name: str) -> Mapping[str, object]:
        if name not in self.known:
            self.known[name] = self.found[name].values
        return self.known[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.found)

    def __len__(self) -> int:
        return len(self.found)


@dataclass(frozen=True, slots=True)
class _Given:
    """What all slots of a stage are given: by requests and the project, and by the stages above it."""

    scope: Scope
    env: Mapping[str, Mapping[str, EnvValue]]
    start: Start
    needs: Mapping[str, tuple[int, ...]]
    skips: Mapping[str, str]


class _Walk:
    """One pass over the stages of the latest chain."""

    def __init__(
        self, pipeline: Pipeline, project: Project, chain: Chain, executions: Sequence[Execution], memory: ChainMemory
    ) -> None:
        self.pipeline, self.project, self.chain, self.memory = pipeline, project, chain, memory
        self.graph = graph_of(pipeline)
        self.grounds = grounds(self.graph, chain)
        self.by_number = {e.execution: e for e in executions}
        self.by_slot: dict[tuple[str, int | None], list[Execution]] = {}
        for e in executions:
            self.by_slot.setdefault((e.stage, e.point), []).append(e)
        self.found: dict[str, _Found] = {}
        self.slots: list[Slot] = []
        self.waits: list[Waiting] = []
        self.given: dict[str, _Given] = {}
        self.bases: dict[tuple[str, int | None], int] = {}  # the result that the next run of a repetition begins with
        self.complete: set[str] = set()  # stages of which no slot lacks anything
        self.held: Waiting | None = None  # by the slot that was looked at last
        self.problem = ""
        self.inputs = self._inputs()

    def _inputs(self) -> dict[str, Value]:
        try:
            wanted = fit_all(self.pipeline.inputs, self.project.inputs)
            known = {name: value for name, value in self.chain.inputs.items() if name in self.pipeline.inputs}
            return with_defaults(self.pipeline.inputs, {**wanted, **fit_all(self.pipeline.inputs, known)})
        except InputError as error:
            self.problem = str(error)
            return {}

    def steps(self, active: tuple[Execution, ...]) -> Steps:
        for stage in self.pipeline.stages:
            self.found[stage.name] = self._stage(stage)
        stops = self._fail_fast()
        if not (self.slots or self.waits or any(each.status == "active" for each in self.found.values())):
            self.waits.append(Waiting(Wait.DONE, text="every stage is done"))
        return Steps(
            self.chain,
            slots=tuple(self.slots),
            waits=tuple(self.waits),
            active=active,
            standings=tuple(_standing(name, found) for name, found in self.found.items()),
            sources=tuple(sorted(self._sources())),
            left_out=shared(frozenset(name for name in self.found if self._left_out(name, None))),
            stops=stops,
            bases=dict(self.bases),
        )

    # -- one stage ---------------------------------------------------------------------------------------------------

    def _stage(self, stage: Stage) -> _Found:
        above = [self.found[need.stage] for need in self.graph.needs[stage.name]]
        found = _Found(upset=any(each.upset for each in above), start=self._start(stage))
        found.settled = all(each.settled for each in above)
        if self._left_out(stage.name, None):
            found.status = "done"
        elif self.grounds.stages[stage.name].passed:
            self._pass(stage, found)
        elif reason := self._not_wanted(stage, found):
            found.status, found.text = reason
        elif not found.settled:
            self._looked_at_early(stage, found)
        else:
            self._points(stage, found)
        return found

    def _left_out(self, stage: str, point: int | None) -> bool:
        return self.chain.skipped.get(slot_name(stage, point), 0) > self.grounds.of(stage, point).seq

    def _not_wanted(self, stage: Stage, found: _Found) -> tuple[Status, str] | None:
        """Whether what became of the stages above rules it out, and in which way."""
        lasting = stage.when in (When.ALWAYS, When.ON_FAILURE)
        if found.upset and not lasting:
            culprit = next(n.stage for n in self.graph.needs[stage.name] if self.found[n.stage].upset)
            verb = {"failed": "failed", "blocked": "is blocked"}.get(self.found[culprit].status)
            return "blocked", f"needs {culprit!r}, which {verb or 'stands below a failure'}"
        if found.settled and stage.when is When.ON_FAILURE and not found.upset:
            return "passed", ""
        skipped = [
            n.stage for n in self.graph.needs[stage.name] if self.found[n.stage].status == "skipped" and not n.optional
        ]
        return ("skipped", f"needs {skipped[0]!r}, which is skipped") if skipped and not lasting else None

    def _looked_at_early(self, stage: Stage, found: _Found) -> None:
        """Something above is to come: nothing is to be started, but what runs is told."""
        runs = (e for (name, _), each in self.by_slot.items() if name == stage.name for e in each)
        after = self.grounds.stages[stage.name].after
        if any(e.state.active and e.execution > after for e in runs):
            found.status = "active"

    def _pass(self, stage: Stage, found: _Found) -> None:
        """A request began below it. What it left before still gives values and files."""
        found.status, found.settled, found.upset = "done", True, False
        lineage = {e.stage: e for e in self._lineage()}
        every = [runs for (name, _), runs in self.by_slot.items() if name == stage.name]
        for runs in every:
            own = [e for e in runs if e.state is State.SUCCEEDED and e.chain == self.chain.seq]
            after = self.grounds.of(stage.name, runs[0].point).after
            kept = [e for e in runs if e.state is State.SUCCEEDED and e.execution > after]
            known = lineage.get(stage.name)
            before = known if known and known.point == runs[0].point else None
            if newest := (own[-1] if own else before) or (kept[-1] if kept else None):
                found.results.append((newest.point, newest))
        found.results.sort(key=lambda each: each[0] or 0)
        if any(point is not None for point, _ in found.results):
            found.points = [PointStanding(point or 0, "done") for point, _ in found.results]
        if found.results:
            found.start = (found.results[0][1].execution, None)
        elif stage.name in self.chain.answers:
            found.answered = self.chain.answers[stage.name].values

    def _lineage(self) -> Iterator[Execution]:
        """The executions that the workspace was built by which the chain was put on, newest first."""
        number = next((floor.base for floor in reversed(self.chain.positions) if floor.named), None)
        while number is not None and number in self.by_number:
            execution = self.by_number[number]
            yield execution
            number = execution.workspace.source

    # -- its points --------------------------------------------------------------------------------------------------

    def _points(self, stage: Stage, found: _Found) -> None:
        matrix = self._matrix(stage)
        if matrix and matrix.search:
            self._search(stage, matrix.search, matrix.max or matrix.search.parallel, found)
            self._conclude(stage, found, matrix.search)
            return
        above = self._came_to(stage, found)
        known = self.memory.get(stage.name)
        if known is None or known.above != above:
            known = None
        try:
            points = known.points if known else self._enumerated(stage)
        except NoPoints as error:
            self._hold(found, Waiting(Wait.INVALID, stage.name, str(error)))
            found.settled = False
            return
        if points is None:
            found.status = self._slot_of(stage, None, {}, found)
        else:
            outcomes = self._each(stage, points, found, known.outcomes if known else {})
            self.memory[stage.name] = StageMemory(above, points, outcomes)
        self._conclude(stage, found)

    def _came_to(self, stage: Stage, found: _Found) -> tuple[object, ...]:
        """What the stages above came to, and what follows from it for this one."""
        above = (self.found[name] for name in self.graph.needs if name in self.graph.above[stage.name])
        parts = ((each.status, each.text, each.results, each.answered, each.start) for each in above)
        return (found.upset, found.start, *parts)

    def _enumerated(self, stage: Stage) -> tuple[Point, ...] | None:
        matrix = self._matrix(stage)
        if matrix is None:
            return None
        giver = matrix.giver
        if giver is None:
            combined = combinations(matrix)
        else:
            given = listed(*giver, self.found[giver[0]].values if giver[0] in self.found else {})
            combined = tuple({matrix.name or "item": entry} for entry in given)
        return tuple(fitted(point, self.pipeline.inputs) for point in combined)

    def _matrix(self, stage: Stage) -> Matrix | None:
        chain, asked = self.chain.matrices.get(stage.name, (0, None))
        return asked if asked and chain >= self.grounds.stages[stage.name].chain else stage.parallel

    def _each(
        self, stage: Stage, points: Sequence[Point], found: _Found, known: Mapping[int, PointOutcome]
    ) -> Mapping[int, PointOutcome]:
        begun, standings = len(self.slots), list[PointStanding]()
        outcomes: dict[int, PointOutcome] = {}
        name, by_slot = stage.name, self.by_slot
        for number, values in enumerate(points, 1):
            outcome = known.get(number)
            if outcome is not None and outcome.runs == by_slot.get((name, number), ()):
                self._recall(stage, number, outcome, found)
            else:
                outcome = self._outcome(stage, number, values, found)
            outcomes[number] = outcome
            standings.append(outcome.standing)
        found.points = standings
        matrix = self._matrix(stage)
        if matrix and matrix.max is not None:
            self._limit(matrix.max, begun, found.points)
        return outcomes

    def _outcome(self, stage: Stage, number: int, values: Point, found: _Found) -> PointOutcome:
        slots, results = len(self.slots), len(found.results)
        found.text, self.held = "", None
        status = self._slot_of(stage, number, values, found)
        return PointOutcome(
            self.by_slot.get((stage.name, number), ()),
            PointStanding(number, status, found.text),
            found.results[-1][1] if len(found.results) > results else None,
            self.slots[-1] if len(self.slots) > slots else None,
            self.held,
            self.bases.get((stage.name, number)),
        )

    def _recall(self, stage: Stage, number: int, outcome: PointOutcome, found: _Found) -> None:
        if outcome.result is not None:
            found.results.append((number, outcome.result))
        if outcome.slot is not None:
            self.slots.append(outcome.slot)
        if outcome.wait is not None:
            self._hold(found, outcome.wait)
        if outcome.base is not None:
            self.bases[stage.name, number] = outcome.base

    def _limit(self, most: int, begun: int, points: list[PointStanding]) -> None:
        """So many points of a stage at once; the others are to come."""
        active = sum(each.status == "active" for each in points)
        left_over = self.slots[begun + max(0, most - active) :]
        del self.slots[begun + max(0, most - active) :]
        for slot in left_over:
            at = (slot.point or 1) - 1
            points[at] = PointStanding(at + 1, "pending", f"at most {most} run at once")

    # -- a search ----------------------------------------------------------------------------------------------------

    def _search(self, stage: Stage, search: TrialSearch, most: int, found: _Found) -> None:
        """Trials that were begun stand by their records; as many more are proposed as there is room for."""
        begun = self._begun(stage, search)
        standing: dict[int, PointStanding] = {}
        for number, values in begun.items():
            found.text = ""
            standing[number] = PointStanding(number, self._slot_of(stage, number, values, found), found.text)
        trials = [self._trial(search, stage, number, values) for number, values in begun.items()]
        room = most - sum(each.status in ("active", "run", "waiting") for each in standing.values())
        if search.method == "tpe":
            room = min(room, MOST_AT_ONCE)
        hopeless = never_comes(search, [e for _, e in found.results])
        for number in range(1, search.trials + 1):
            if number in begun:
                continue
            if room <= 0 or hopeless:
                standing[number] = PointStanding(number, "pending", "" if hopeless else f"at most {most} run at once")
                continue
            room -= 1
            standing[number] = self._next_trial(stage, search, number, trials, found)
        found.points = [standing[number] for number in sorted(standing)]
        if hopeless:
            self._hold(found, Waiting(Wait.INVALID, stage.name, hopeless))

    def _next_trial(
        self, stage: Stage, search: TrialSearch, number: int, trials: list[Trial], found: _Found
    ) -> PointStanding:
        try:
            values = fitted(proposed(search, number, trials, self.pipeline.inputs), self.pipeline.inputs)
        except NoPoints as error:
            return PointStanding(number, self._hold(found, Waiting(Wait.INVALID, stage.name, str(error))), str(error))
        trials.append(Trial(number, values))
        found.text = ""
        return PointStanding(number, self._slot_of(stage, number, values, found), found.text)

    def _begun(self, stage: Stage, search: TrialSearch) -> dict[int, Point]:
        """By trial the values that its records hold."""
        after = self.grounds.stages[stage.name].after
        begun: dict[int, Point] = {}
        for (name, point), runs in self.by_slot.items():
            of_this = [e for e in runs if e.execution > after and all(key in e.inputs for key in search.space)]
            if name == stage.name and point is not None and of_this:
                begun[point] = {key: of_this[-1].inputs[key] for key in search.space}
        return dict(sorted(begun.items()))

    def _trial(self, search: TrialSearch, stage: Stage, number: int, values: Point) -> Trial:
        newest = self.by_slot[stage.name, number][-1]
        return Trial(number, values, measure_of(search, newest), newest.state.ended)

    def _conclude(self, stage: Stage, found: _Found, search: TrialSearch | None = None) -> None:
        """From its points to the stage. A failure that is allowed is nothing that the chain waits for.

        Of a search trials may fail: it has failed where none came to anything.
        """
        allowed = stage.allow_failure or bool(search and best(search, [e for _, e in found.results]))
        if allowed:
            self.waits = [w for w in self.waits if w.stage != stage.name or w.reason is not Wait.FAILED]
        if found.points is not None:
            found.status, found.text = _joint([each.status for each in found.points]), ""
            failed = [each for each in found.points if each.status == "failed"]
            if failed:
                found.text = f"{len(failed)} of {len(found.points)} points failed; the first is {failed[0].point}"
            elif found.status == "skipped":
                found.text = found.points[0].text
        over = ("done", "skipped", "failed", "passed")
        parts = [each.status for each in found.points] if found.points is not None else [found.status]
        found.settled = found.settled and all(status in over for status in parts)
        found.upset = found.upset or ("failed" in parts and not allowed)
        if found.results:
            chosen = best(search, [e for _, e in found.results]) if search else None
            found.start = ((chosen or found.results[0][1]).execution, None)

    def _slot_of(self, stage: Stage, point: int | None, values: Point, found: _Found) -> Status:
        """What this slot needs now."""
        ground = self.grounds.of(stage.name, point)
        every = self.by_slot.get((stage.name, point), ())
        runs = [e for e in every if e.execution > ground.after] if ground.after else every
        newest = next((e for e in reversed(runs) if e.state is not State.SUPERSEDED), None)
        if stage.repeat and (base := newest_success(runs) or ground.base):
            self.bases[stage.name, point] = base
        if newest and newest.state.active:
            return "active"
        repeats = False
        if newest and newest.state is State.SUCCEEDED:
            again = self._again(stage, values, newest, found) if stage.repeat else "done"
            if again != "run":
                found.results += [(point, newest)] if again == "done" else []
                return again
            newest, repeats = None, True
        if point is not None and self._left_out(stage.name, point):
            return "done"
        if stage.condition and newest is None and not repeats and (status := self._condition(stage, values, found)):
            return status
        if self._held_back(stage, found):
            return self._hold(found, self._paused_after(stage))
        if stage.when.asks and not self._answered(stage):
            text = stage.confirm or f"stage {stage.name!r} waits for a person"
            return self._hold(found, Waiting(Wait.MANUAL_APPROVAL, stage.name, text, stage.inputs))
        if stage.gate:
            return self._gate(stage, found)
        return self._wanted(stage, point, values, runs, newest, ground, found)

    def _again(self, stage: Stage, point: Point, newest: Execution, found: _Found) -> Status:
        """Whether a stage that repeats runs once more after a success, is done, or waits as nobody can say."""
        assert stage.repeat
        succeeded = sum(e.state is State.SUCCEEDED for e in earlier_runs(self.by_number, newest.execution))
        condition, scope = parse(stage.repeat.condition_of(stage.name)), self._scope(stage, point)
        values = {**scope.values, stage.name: values_of(newest)}

        def lookup(name: str) -> object:
            return _looked_up(name, replace(scope, values=values))

        try:
            if holds(condition, lookup):
                return "done"
        except ConditionError as error:
            return self._hold(found, Waiting(Wait.INVALID, stage.name, f"repeat: {error}"))
        if succeeded < stage.repeat.max:
            return "run"
        found.text = f"ran {succeeded} times, and still not: {written(condition, lookup)}"
        return "done"

    def _hold(self, found: _Found, waiting: Waiting) -> Status:
        self.held = waiting
        if waiting not in self.waits[-1:]:
            self.waits.append(waiting)
        found.text = waiting.text
        failed = waiting.reason in (Wait.FAILED, Wait.REJECTED)
        found.status = "failed" if failed else "waiting"
        return found.status

    def _condition(self, stage: Stage, point: Point, found: _Found) -> Status | None:
        """None where it holds."""
        assert stage.condition
        condition, scope = parse(stage.condition), self._scope(stage, point)

        def lookup(name: str) -> object:
            return _looked_up(name, scope)

        try:
            if holds(condition, lookup):
                return None
        except ConditionError as error:
            return self._hold(found, Waiting(Wait.INVALID, stage.name, f"if: {error}"))
        found.text = f"its condition does not hold: {written(condition, lookup)}"
        return "skipped"

    # -- what a person says ------------------------------------------------------------------------------------------

    def _answer(self, stage: Stage) -> Mapping[str, Value] | None:
        answer = self.chain.answers.get(stage.name)
        return answer.values if answer and answer.seq > self.grounds.stages[stage.name].seq else None

    def _answered(self, stage: Stage) -> bool:
        if self._answer(stage) is not None:
            return True
        return stage.when is When.MANUAL_ONCE and stage.name in self.chain.answered_once

    def _gate(self, stage: Stage, found: _Found) -> Status:
        answer = self._answer(stage) or {}
        found.answered = answer
        if answer.get("keep") is False:
            return self._hold(found, Waiting(Wait.REJECTED, stage.name, f"rejected at {stage.name!r}"))
        return "done"

    def _held_back(self, stage: Stage, found: _Found) -> bool:
        """Whether the chain was asked to pause after other stages than this one."""
        return bool(self.chain.pause_at) and stage.name not in self.chain.pause_at and not found.upset

    def _paused_after(self, stage: Stage) -> Waiting:
        after = ", ".join(repr(name) for name in self.graph.needs if name in self.chain.pause_at)
        return Waiting(Wait.PAUSE_REQUESTED, stage.name, f"paused after {after}, as asked")

    def _paused(self, stage: Stage) -> bool:
        return self.chain.paused or not self.chain.halted.isdisjoint(self.graph.above[stage.name])

    # -- a slot ------------------------------------------------------------------------------------------------------

    def _wanted(
        self,
        stage: Stage,
        point: int | None,
        values: Point,
        runs: Sequence[Execution],
        newest: Execution | None,
        ground: Ground,
        found: _Found,
    ) -> Status:
        if newest and (refused := self._refused(stage, point, runs, newest)):
            return self._hold(found, refused)
        if self._paused(stage):
            return self._hold(found, Waiting(Wait.PAUSE_REQUESTED, stage.name, f"paused before {stage.name!r}"))
        slot = self._slot(stage, point, values, runs, newest, ground)
        if waiting := self._lacking(slot):
            return self._hold(found, waiting)
        self.slots.append(slot)
        return "run"

    def _refused(self, stage: Stage, point: int | None, runs: Sequence[Execution], newest: Execution) -> Waiting | None:
        """Why what failed, or was lost, is not tried again by itself."""
        if newest.state is not State.LOST:
            if granted(stage, of_this_run(stage, runs), newest):
                return None
            return Waiting(Wait.FAILED, stage.name, why(newest), execution=newest.execution, point=point)
        losses = shunned(of_this_run(stage, runs))
        if len(losses) >= MAX_LOSSES:
            text = f"{End.NODE_LOST}: lost {len(losses)} nodes in this chain"
            return Waiting(Wait.FAILED, stage.name, text, execution=newest.execution, point=point)
        if "node_lost" not in stage.retry.when:
            text = f"node {newest.claim.node} is away with execution {newest.execution}"
            return Waiting(Wait.NODE_OFFLINE, stage.name, text, execution=newest.execution, point=point)
        return None

    def _slot(
        self,
        stage: Stage,
        point: int | None,
        values: Point,
        runs: Sequence[Execution],
        newest: Execution | None,
        ground: Ground,
    ) -> Slot:
        lost = newest is not None and newest.state is State.LOST
        tried = of_this_run(stage, runs)
        gave_way = newest is not None and newest.reason is End.PREEMPTED
        failures = sum(failed(e) for e in tried) if tried else 0
        chain, image = self.chain.images.get(stage.name, (0, ""))
        image = image if chain >= ground.chain else ""
        given = self._given(stage)
        source, changes = given.start
        if base := self.bases.get((stage.name, point)):
            source, changes = base, None
        return Slot(
            stage=stage.model_copy(update={"image": image}) if image else stage,
            chain=self.chain.seq,
            request=ground.request or self.chain.request,
            attempt=len(runs) + 1,
            scope=self._scope(stage, values),
            source=source,
            changes=changes,
            env=given.env,
            replaces=newest.execution if newest and lost else None,
            after_failure=newest.execution if newest and not lost else None,
            backoff=Backoff(stage.retry.backoff).rest(failures) if newest and not (lost or gave_way) else 0.0,
            shun=frozenset(e.claim.node for e in shunned(tried)) if tried else _NOBODY,
            fresh=self.chain.fresh,
            point=point,
            needs=given.needs,
            conditions=given.skips,
            saved=saved_by(stage, runs) if runs else None,
        )

    def _lacking(self, slot: Slot) -> Waiting | None:
        """Where one point lacks nothing no other does, unless what it promises depends on the point."""
        stage = slot.stage.name
        if stage in self.complete:
            return None
        if self.problem:
            return Waiting(Wait.INVALID, stage, self.problem, point=slot.point)
        if lacking := missing(self.pipeline.inputs, slot.scope.inputs):
            asks = {name: self.pipeline.inputs[name] for name in lacking}
            return Waiting(Wait.INPUT_MISSING, stage, f"needs a value for {', '.join(lacking)}", asks)
        try:
            resolve(slot.stage, slot.env, slot.scope)
        except InterpolationError as error:
            return Waiting(Wait.INVALID, stage, str(error), point=slot.point)
        if not any("$[[" in path for path in slot.stage.artifacts.paths):
            self.complete.add(stage)
        return None

    def _scope(self, stage: Stage, point: Point) -> Scope:
        scope = self._given(stage).scope
        return Scope({**scope.inputs, **point}, scope.specs, scope.values, scope.pool) if point else scope

    def _given(self, stage: Stage) -> "_Given":
        """What all slots of a stage are given."""
        if (known := self.given.get(stage.name)) is None:
            answered = {k: v for k, v in (self._answer(stage) or {}).items() if k in stage.inputs}
            specs = {**self.pipeline.inputs, **stage.inputs}
            above = self.graph.above[stage.name]
            values = _ValuesAbove({name: found for name, found in self.found.items() if name in above})
            scope = Scope({**self.inputs, **answered}, specs, values)
            known = _Given(scope, self._env(stage), self._start(stage), self._read(stage), self._skips(stage))
            self.given[stage.name] = known
        return known

    def _env(self, stage: Stage) -> dict[str, Mapping[str, EnvValue]]:
        layers = {
            "pipeline": self.pipeline.env, "stage": stage.env,
            "project": self.project.env, "request": dict(self.chain.env),
        }  # fmt: skip
        return {name: layer for name, layer in layers.items() if layer}

    # -- what it builds on -------------------------------------------------------------------------------------------

    def _start(self, stage: Stage) -> Start:
        """What its workspace begins with: as a request says, else what its first need left, or began with."""
        if stage.workspace == "standalone":
            return None, None
        said = [floor for floor in reversed(self.chain.positions) if _begins(floor, stage.name)]
        if said and said[0].named and said[0].seq >= self.grounds.stages[stage.name].seq:
            return said[0].base, said[0].changes
        first = self._first_need(stage)
        own = first and any(each.chain == self.chain.seq for _, each in self.found[first].results)
        named = next((floor for floor in said if floor.named and floor.chain == self.chain.seq), None)
        if named and not own:
            return named.base, named.changes
        return self.found[first].start if first else (None, None)

    def _first_need(self, stage: Stage) -> str | None:
        if isinstance(stage.workspace, WorkspaceOf):
            return stage.workspace.stage
        needs = self.graph.needs[stage.name]
        return needs[0].stage if needs else None

    def _read(self, stage: Stage) -> dict[str, tuple[int, ...]]:
        """Of a row nothing is laid beside a workspace: it begins with all that there is."""
        if self.pipeline.plain:
            return {}
        needed = ((need.stage, self.found[need.stage].results) for need in self.graph.needs[stage.name])
        return {name: tuple(e.execution for _, e in results) for name, results in needed if results}

    def _skips(self, stage: Stage) -> dict[str, str]:
        needed = (need.stage for need in self.graph.needs[stage.name])
        return {name: self.found[name].text for name in needed if self.found[name].status == "skipped"}

    def _sources(self) -> Iterator[int]:
        """What stages that are to come begin with, or read; of what is at its end, what it left."""
        known: set[int] = set(self.bases.values())
        for stage in self.pipeline.stages:
            found = self.found[stage.name]
            if found.status not in ("done", "passed", "skipped"):
                known.update(self._saved(stage))
                known.update(each for numbers in self._read(stage).values() for each in numbers)
                known.update(each for each in (self._start(stage)[0],) if each is not None)
            elif not self.graph.below[stage.name]:
                known.update(e.execution for _, e in found.results)
                known.update(each for each in (found.start[0],) if each is not None)
        yield from known

    def _saved(self, stage: Stage) -> Iterator[int]:
        """What attempts that are to come, or run and may be interrupted, begin with."""
        for (name, point), runs in self.by_slot.items() if stage.checkpoint else ():
            after = self.grounds.of(stage.name, point).after
            if name == stage.name and (saved := saved_by(stage, [e for e in runs if e.execution > after])):
                yield saved

    # -- fail_fast ---------------------------------------------------------------------------------------------------

    def _fail_fast(self) -> dict[int, str]:
        """Once a stage has failed nothing else is started, and what runs is to be ended, with the reason."""
        failed = next((name for name, found in self.found.items() if found.status == "failed" and found.upset), None)
        if failed is None or not self.pipeline.fail_fast:
            return {}
        text = f"{failed!r} failed, and the pipeline says fail_fast"
        lasting = {s.name for s in self.pipeline.stages if s.when in (When.ALWAYS, When.ON_FAILURE)}
        for name in {slot.stage.name for slot in self.slots} - lasting:
            found = self.found[name]
            found.status, found.text = "blocked", text
            if found.points:
                found.points = [replace(p, status="blocked") if p.status == "run" else p for p in found.points]
        self.slots = [slot for slot in self.slots if slot.stage.name in lasting]
        self.waits = [w for w in self.waits if w.reason in (Wait.FAILED, Wait.REJECTED) or w.stage in lasting]
        active = (name for name, found in self.found.items() if found.status == "active" and name not in lasting)
        return {e.execution: text for name in active for e in self._active(name)}

    def _active(self, stage: str) -> Iterator[Execution]:
        for (name, point), runs in self.by_slot.items():
            if name == stage:
                yield from (e for e in runs if e.state.active and e.execution > self.grounds.of(stage, point).after)


_NOBODY: frozenset[str] = frozenset()


def _begins(floor: RestartPoint, stage: str) -> bool:
    return any(begin.stage == stage for begin in floor.begins)


_ORDER: tuple[Status, ...] = ("active", "run", "waiting", "failed", "blocked", "pending", "done", "passed", "skipped")


def _joint(statuses: Sequence[Status]) -> Status:
    """Of a stage by its points; one without any is done."""
    return next((status for status in _ORDER if status in statuses), "done")


def _standing(name: str, found: _Found) -> Standing:
    if found.points is None:
        return plain_standing(name, found.status, found.text)
    return Standing(name, found.status, found.text, tuple(found.points))


def _looked_up(name: str, scope: Scope) -> object:
    if match := INPUT.fullmatch(name):
        if match[1] not in scope.inputs:
            raise ConditionError(f"the input {match[1]!r} has no value")
        return scope.inputs[match[1]]
    match = VALUE.fullmatch(name)
    assert match
    values = scope.values.get(match[1], {})
    if match[2] not in values:
        raise ConditionError(f"stage {match[1]!r} has given no value {match[2]!r} in this chain")
    return values[match[2]]


def still_wanted(pipeline: Pipeline | None, replies: Sequence[Reply], execution: Execution) -> bool:
    """Whether the fold, with this execution counted as running, has a use for it."""
    chains = fold(replies)
    if not chains or pipeline is None:
        return False
    latest = chains[-1]
    if execution.chain != latest.seq:
        return any(chain.seq == execution.chain for chain in chains)
    if pipeline.stage(execution.stage) is None:
        return False
    ground = grounds(graph_of(pipeline), latest).of(execution.stage, execution.point)
    names = (execution.stage, execution.slot)
    return execution.execution > ground.after and all(latest.skipped.get(name, 0) <= ground.seq for name in names)
