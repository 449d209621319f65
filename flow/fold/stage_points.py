"""The points of a stage, or of a search its trials, and what they come to together."""

from collections.abc import Mapping, Sequence

from flow.fold.one_slot import status_of
from flow.fold.remembered import PointOutcome, StageMemory
from flow.fold.steps import PointStanding, Status, Waiting
from flow.fold.walk import StageFound, Walk
from flow.points.points import NoPoints, Point, combinations, fitted, listed
from flow.points.search import best, measure_of, never_comes, proposed
from flow.points.search_by_optuna import MOST_AT_ONCE
from flow.points.search_ranges import Trial
from schema.file_input import plain
from schema.pipeline import Matrix, Stage
from schema.reasons import Wait
from schema.search import TrialSearch

_ORDER: tuple[Status, ...] = ("active", "run", "waiting", "failed", "blocked", "pending", "done", "passed", "skipped")


def look_at(walk: Walk, stage: Stage, found: StageFound) -> None:
    """At all of its points, where what it needs is settled."""
    matrix = _matrix(walk, stage)
    if matrix and matrix.search:
        _search(walk, stage, matrix.search, matrix.max or matrix.search.parallel, found)
        conclude(walk, stage, found, matrix.search)
        return
    above = _came_to(walk, stage, found)
    known = walk.memory.get(stage.name)
    if known is None or known.above != above:
        known = None
    try:
        points = known.points if known else _enumerated(walk, stage, matrix)
    except NoPoints as error:
        walk.hold(found, Waiting(Wait.INVALID, stage.name, str(error)))
        found.settled = False
        return
    if points is None:
        found.status = status_of(walk, stage, None, {}, found)
    else:
        begun = len(walk.slots)
        outcomes = each_of(walk, stage, points, found, known.outcomes if known else {})
        if matrix and matrix.max is not None and found.points is not None:
            active = sum(each.status == "active" for each in found.points)
            for number in _limit(walk, matrix.max, begun, active):
                found.points[number - 1] = _to_come(number, matrix.max)
        walk.memory[stage.name] = StageMemory(above, points, outcomes)
    conclude(walk, stage, found)


def _came_to(walk: Walk, stage: Stage, found: StageFound) -> tuple[object, ...]:
    """What the stages above came to, and what follows from it for this one."""
    above = (walk.found[name] for name in walk.graph.needs if name in walk.graph.above[stage.name])
    parts = ((each.status, each.text, each.results, each.answered, each.start) for each in above)
    return (found.upset, found.start, *parts)


def _enumerated(walk: Walk, stage: Stage, matrix: Matrix | None) -> tuple[Point, ...] | None:
    if matrix is None:
        return None
    giver = matrix.giver
    if giver is None:
        combined = combinations(matrix)
    else:
        given = listed(*giver, walk.found[giver[0]].values if giver[0] in walk.found else {})
        combined = tuple({matrix.name or "item": entry} for entry in given)
    return tuple(fitted(point, walk.pipeline.inputs) for point in combined)


def _matrix(walk: Walk, stage: Stage) -> Matrix | None:
    chain, asked = walk.chain.matrices.get(stage.name, (0, None))
    return asked if asked and chain >= walk.grounds.stages[stage.name].chain else stage.parallel


def each_of(
    walk: Walk, stage: Stage, points: Sequence[Point], found: StageFound, known: Mapping[int, PointOutcome]
) -> Mapping[int, PointOutcome]:
    standings, outcomes = list[PointStanding](), dict[int, PointOutcome]()
    name, by_slot = stage.name, walk.by_slot
    for number, values in enumerate(points, 1):
        outcome = known.get(number)
        if outcome is not None and outcome.runs == by_slot.get((name, number), ()):
            _recall(walk, stage, number, outcome, found)
        else:
            outcome = _outcome(walk, stage, number, values, found)
        outcomes[number] = outcome
        standings.append(outcome.standing)
    found.points = standings
    return outcomes


def _outcome(walk: Walk, stage: Stage, number: int, values: Point, found: StageFound) -> PointOutcome:
    slots, results = len(walk.slots), len(found.results)
    walk.held = None
    standing = _standing(walk, stage, number, values, found)
    return PointOutcome(
        walk.by_slot.get((stage.name, number), ()),
        standing,
        found.results[-1][1] if len(found.results) > results else None,
        walk.slots[-1] if len(walk.slots) > slots else None,
        walk.held,
        walk.bases.get((stage.name, number)),
    )


def _standing(walk: Walk, stage: Stage, number: int, values: Point, found: StageFound) -> PointStanding:
    found.text = ""
    status = status_of(walk, stage, number, values, found)
    return PointStanding(number, status, found.text)


def _recall(walk: Walk, stage: Stage, number: int, outcome: PointOutcome, found: StageFound) -> None:
    if outcome.result is not None:
        found.results.append((number, outcome.result))
    if outcome.slot is not None:
        walk.slots.append(outcome.slot)
    if outcome.wait is not None:
        walk.hold(found, outcome.wait)
    if outcome.base is not None:
        walk.bases[stage.name, number] = outcome.base


def _limit(walk: Walk, most: int, begun: int, active: int) -> list[int]:
    """So many points of a stage at once; the numbers of those that are to come. Its slots stand from `begun` on."""
    kept = begun + max(0, most - active)
    left_over = [slot.point or 1 for slot in walk.slots[kept:]]
    del walk.slots[kept:]
    return left_over


def _to_come(point: int, most: int) -> PointStanding:
    return PointStanding(point, "pending", f"at most {most} run at once")


# -- a search ----------------------------------------------------------------------------------------------------------


def _search(walk: Walk, stage: Stage, search: TrialSearch, most: int, found: StageFound) -> None:
    """Trials that were begun stand by their records, and go first; as many more are proposed as there is room for."""
    begun, slots = _begun(walk, stage, search), len(walk.slots)
    standing = {number: _standing(walk, stage, number, values, found) for number, values in begun.items()}
    for number in _limit(walk, most, slots, sum(each.status == "active" for each in standing.values())):
        standing[number] = _to_come(number, most)
    trials = [_trial(walk, search, stage, number, values) for number, values in begun.items()]
    room = most - sum(each.status in ("active", "run", "waiting") for each in standing.values())
    if search.method == "tpe":
        room = min(room, MOST_AT_ONCE)
    hopeless = never_comes(search, [e for _, e in found.results])
    for number in range(1, search.trials + 1):
        if number in begun:
            continue
        if room <= 0 or hopeless:
            standing[number] = PointStanding(number, "pending") if hopeless else _to_come(number, most)
            continue
        room -= 1
        standing[number] = _next_trial(walk, stage, search, number, trials, found)
    found.points = [standing[number] for number in sorted(standing)]
    if hopeless:
        walk.hold(found, Waiting(Wait.INVALID, stage.name, hopeless))


def _next_trial(
    walk: Walk, stage: Stage, search: TrialSearch, number: int, trials: list[Trial], found: StageFound
) -> PointStanding:
    try:
        values = fitted(proposed(search, number, trials, walk.pipeline.inputs), walk.pipeline.inputs)
    except NoPoints as error:
        return PointStanding(number, walk.hold(found, Waiting(Wait.INVALID, stage.name, str(error))), str(error))
    trials.append(Trial(number, values))
    return _standing(walk, stage, number, values, found)


def _begun(walk: Walk, stage: Stage, search: TrialSearch) -> dict[int, Point]:
    """By trial the values that its records hold."""
    after = walk.grounds.stages[stage.name].after
    begun: dict[int, Point] = {}
    for (name, point), runs in walk.by_slot.items():
        of_this = [e for e in runs if e.execution > after and all(key in e.inputs for key in search.space)]
        if name == stage.name and point is not None and of_this:
            begun[point] = {key: plain(of_this[-1].inputs[key]) for key in search.space}
    return dict(sorted(begun.items()))


def _trial(walk: Walk, search: TrialSearch, stage: Stage, number: int, values: Point) -> Trial:
    newest = walk.by_slot[stage.name, number][-1]
    return Trial(number, values, measure_of(search, newest), newest.state.ended)


# -- the stage ---------------------------------------------------------------------------------------------------------


def conclude(walk: Walk, stage: Stage, found: StageFound, search: TrialSearch | None = None) -> None:
    """From its points to the stage. A failure that is allowed is nothing that the chain waits for.

    Of a search trials may fail: it has failed where none came to anything.
    """
    chosen = best(search, [e for _, e in found.results]) if search else None
    allowed = stage.allow_failure or bool(chosen)
    if allowed:
        walk.waits = [w for w in walk.waits if w.stage != stage.name or w.reason is not Wait.FAILED]
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
        found.start = ((chosen or found.results[0][1]).execution, None)


def _joint(statuses: Sequence[Status]) -> Status:
    """Of a stage by its points; one without any is done."""
    return next((status for status in _ORDER if status in statuses), "done")
