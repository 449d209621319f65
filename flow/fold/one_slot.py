"""What one slot needs now: a stage, or one point of its matrix. Where it is wanted, all that determines its run."""

from collections.abc import Mapping
from dataclasses import replace

from flow.fold.attempts import SlotPast, refused, saved_by, shunned
from flow.fold.chains import Ground
from flow.fold.gates import condition, paused, people, unmet
from flow.fold.interpolation import InterpolationError, Scope, resolve
from flow.fold.lineage import read_by, start_of
from flow.fold.remembered import values_of
from flow.fold.repetition import earlier_runs, newest_success
from flow.fold.steps import Slot, Status, Waiting
from flow.fold.walk import StageFound, StageGiven, ValuesAbove, Walk
from flow.points.points import Point
from schema.condition import ConditionError
from schema.execution import Execution, State
from schema.inputs import missing
from schema.pipeline import Stage
from schema.reasons import Wait
from schema.services import EnvValue

_NOBODY: frozenset[str] = frozenset()


def status_of(walk: Walk, stage: Stage, point: int | None, values: Point, found: StageFound) -> Status:
    ground = walk.grounds.of(stage.name, point)
    past = _past(walk, stage, point, values, ground)
    newest = past.newest
    if stage.repeat and (base := newest_success(past.runs) or ground.base):
        walk.bases[stage.name, point] = base
    if newest and newest.state.active:
        return "active"
    if newest and newest.state is State.SUCCEEDED:
        again = _again(walk, past, newest, found) if stage.repeat else "done"
        if again != "run":
            found.results += [(point, newest)] if again == "done" else []
            return again
    if point is not None and walk.left_out(stage.name, point):
        return "done"
    if stage.condition and newest is None and (status := condition(walk, stage, _scope(walk, past), found)):
        return status
    return people(walk, stage, found) or _wanted(walk, past, found)


def _past(walk: Walk, stage: Stage, point: int | None, values: Point, ground: Ground) -> SlotPast:
    every = walk.by_slot.get((stage.name, point), ())
    runs = [e for e in every if e.execution > ground.after] if ground.after else every
    newest = next((e for e in reversed(runs) if e.state is not State.SUPERSEDED), None)
    return SlotPast(stage, point, values, ground, runs, newest)


def _again(walk: Walk, past: SlotPast, newest: Execution, found: StageFound) -> Status:
    """Whether a stage that repeats runs once more after a success, is done, or waits as nobody can say."""
    stage = past.stage
    assert stage.repeat
    succeeded = sum(e.state is State.SUCCEEDED for e in earlier_runs(walk.by_number, newest.execution))
    scope = _scope(walk, past)
    try:
        own = {**scope.values, stage.name: values_of(newest)}
        fails = unmet(stage.repeat.condition_of(stage.name), replace(scope, values=own))
    except ConditionError as error:
        return walk.hold(found, Waiting(Wait.INVALID, stage.name, f"repeat: {error}"))
    if fails and succeeded < stage.repeat.max:
        return "run"
    if fails:
        found.text = f"ran {succeeded} times, and still not: {fails}"
    return "done"


def _wanted(walk: Walk, past: SlotPast, found: StageFound) -> Status:
    if waiting := refused(past) or paused(walk, past.stage):
        return walk.hold(found, waiting)
    slot = _slot(walk, past)
    if lacking := _lacking(walk, slot):
        return walk.hold(found, lacking)
    walk.slots.append(slot)
    return "run"


def _slot(walk: Walk, past: SlotPast) -> Slot:
    stage, ground, failure = past.stage, past.ground, past.failure
    lost = failure is not None and failure.state is State.LOST
    chain, image = walk.chain.images.get(stage.name, (0, ""))
    image = image if chain >= ground.chain else ""
    given = _given(walk, stage)
    source, changes = given.start
    if base := walk.bases.get((stage.name, past.point)):
        source, changes = base, None
    return Slot(
        stage=stage.model_copy(update={"image": image}) if image else stage,
        chain=walk.chain.seq,
        request=ground.request or walk.chain.request,
        attempt=len(past.runs) + 1,
        scope=_scope(walk, past),
        source=source,
        changes=changes,
        env=given.env,
        replaces=failure.execution if failure and lost else None,
        after_failure=failure.execution if failure and not lost else None,
        backoff=past.rest,
        shun=frozenset(e.claim.node for e in shunned(past.tried)) if past.runs else _NOBODY,
        fresh=walk.chain.fresh,
        point=past.point,
        needs=given.needs,
        conditions=given.skips,
        saved=saved_by(stage, past.runs) if past.runs else None,
    )


def _lacking(walk: Walk, slot: Slot) -> Waiting | None:
    """Where one point lacks nothing no other does, unless what it promises depends on the point."""
    stage = slot.stage.name
    if stage in walk.complete:
        return None
    if walk.problem:
        return Waiting(Wait.INVALID, stage, walk.problem, point=slot.point)
    if lacking := missing(walk.pipeline.inputs, slot.scope.inputs):
        asks = {name: walk.pipeline.inputs[name] for name in lacking}
        return Waiting(Wait.INPUT_MISSING, stage, f"needs a value for {', '.join(lacking)}", asks)
    try:
        resolve(slot.stage, slot.env, slot.scope)
    except InterpolationError as error:
        return Waiting(Wait.INVALID, stage, str(error), point=slot.point)
    if not any("$[[" in path for path in slot.stage.artifacts.paths):
        walk.complete.add(stage)
    return None


def _scope(walk: Walk, past: SlotPast) -> Scope:
    scope, point = _given(walk, past.stage).scope, past.values
    return Scope({**scope.inputs, **point}, scope.specs, scope.values, scope.pool) if point else scope


def _given(walk: Walk, stage: Stage) -> StageGiven:
    """What all slots of a stage are given."""
    if (known := walk.given.get(stage.name)) is None:
        answered = {k: v for k, v in (walk.answer(stage) or {}).items() if k in stage.inputs}
        specs = {**walk.pipeline.inputs, **stage.inputs}
        above = walk.graph.above[stage.name]
        values = ValuesAbove({name: found for name, found in walk.found.items() if name in above})
        scope = Scope({**walk.inputs, **answered}, specs, values)
        skips = _skips(walk, stage)
        known = StageGiven(scope, _env(walk, stage), start_of(walk, stage), read_by(walk, stage), skips)
        walk.given[stage.name] = known
    return known


def _env(walk: Walk, stage: Stage) -> dict[str, Mapping[str, EnvValue]]:
    layers = {
        "pipeline": walk.pipeline.env, "stage": stage.env,
        "project": walk.project.env, "request": dict(walk.chain.env),
    }  # fmt: skip
    return {name: layer for name, layer in layers.items() if layer}


def _skips(walk: Walk, stage: Stage) -> dict[str, str]:
    needed = (need.stage for need in walk.graph.needs[stage.name])
    return {name: walk.found[name].text for name in needed if walk.found[name].status == "skipped"}
