"""What a stage builds on: the result that its workspace begins with, and the results that it may read."""

from collections.abc import Iterator

from flow.fold.attempts import saved_by
from flow.fold.chains import RestartPoint
from flow.fold.steps import PointStanding
from flow.fold.walk import StageFound, Start, Walk
from schema.execution import Execution, State
from schema.pipeline import Stage, WorkspaceOf


def start_of(walk: Walk, stage: Stage) -> Start:
    """What its workspace begins with: as a request says, else what its first need left, or began with."""
    if stage.workspace == "standalone":
        return None, None
    said = [floor for floor in reversed(walk.chain.positions) if _begins(floor, stage.name)]
    if said and said[0].named and said[0].seq >= walk.grounds.stages[stage.name].seq:
        return said[0].base, said[0].changes
    first = _first_need(walk, stage)
    own = first and any(each.chain == walk.chain.seq for _, each in walk.found[first].results)
    named = next((floor for floor in said if floor.named and floor.chain == walk.chain.seq), None)
    if named and not own:
        return named.base, named.changes
    return walk.found[first].start if first else (None, None)


def _begins(floor: RestartPoint, stage: str) -> bool:
    return any(begin.stage == stage for begin in floor.begins)


def _first_need(walk: Walk, stage: Stage) -> str | None:
    if isinstance(stage.workspace, WorkspaceOf):
        return stage.workspace.stage
    needs = walk.graph.needs[stage.name]
    return needs[0].stage if needs else None


def read_by(walk: Walk, stage: Stage) -> dict[str, tuple[int, ...]]:
    """Of a row nothing is laid beside a workspace: it begins with all that there is."""
    if walk.pipeline.plain:
        return {}
    needed = ((need.stage, walk.found[need.stage].results) for need in walk.graph.needs[stage.name])
    return {name: tuple(e.execution for _, e in results) for name, results in needed if results}


def sources(walk: Walk) -> Iterator[int]:
    """What stages that are to come begin with, or read; of what is at its end, what it left."""
    known: set[int] = set(walk.bases.values())
    for stage in walk.pipeline.stages:
        found = walk.found[stage.name]
        if found.status not in ("done", "passed", "skipped"):
            known.update(_saved(walk, stage))
            known.update(each for numbers in read_by(walk, stage).values() for each in numbers)
            known.update(each for each in (start_of(walk, stage)[0],) if each is not None)
        elif not walk.graph.below[stage.name]:
            known.update(e.execution for _, e in found.results)
            known.update(each for each in (found.start[0],) if each is not None)
    yield from known


def _saved(walk: Walk, stage: Stage) -> Iterator[int]:
    """What attempts that are to come, or run and may be interrupted, begin with."""
    for runs in walk.runs_of(stage.name) if stage.checkpoint else ():
        after = walk.grounds.of(stage.name, runs[0].point).after
        if saved := saved_by(stage, [e for e in runs if e.execution > after]):
            yield saved


def pass_over(walk: Walk, stage: Stage, found: StageFound) -> None:
    """A request began below it. What it left before still gives values and files."""
    found.status, found.settled, found.upset = "done", True, False
    known = next((e for e in _lineage(walk) if e.stage == stage.name), None)  # of one that repeats its last run
    for runs in walk.runs_of(stage.name):
        own = [e for e in runs if e.state is State.SUCCEEDED and e.chain == walk.chain.seq]
        after = walk.grounds.of(stage.name, runs[0].point).after
        kept = [e for e in runs if e.state is State.SUCCEEDED and e.execution > after]
        before = known if known and known.point == runs[0].point else None
        if newest := (own[-1] if own else before) or (kept[-1] if kept else None):
            found.results.append((newest.point, newest))
    found.results.sort(key=lambda each: each[0] or 0)
    if any(point is not None for point, _ in found.results):
        found.points = [PointStanding(point or 0, "done") for point, _ in found.results]
    if found.results:
        found.start = (found.results[0][1].execution, None)
    elif stage.name in walk.chain.answers:
        found.answered = walk.chain.answers[stage.name].values


def _lineage(walk: Walk) -> Iterator[Execution]:
    """The executions that the workspace was built by which the chain was put on, newest first."""
    number = next((floor.base for floor in reversed(walk.chain.positions) if floor.named), None)
    while number is not None and number in walk.by_number:
        execution = walk.by_number[number]
        yield execution
        number = execution.workspace.source
