"""Worlds with conditions, repetitions and searches: their pipeline, what its stages give, and what must hold of them.

The rules read records alone, and evaluate conditions by themselves. Each says what is broken, or nothing.
"""

from collections.abc import Iterator, Mapping
from random import Random
from typing import TYPE_CHECKING

from flow.fold.graph import graph_of
from flow.model.snapshot import ProjectView
from flow.points.search import proposed
from schema.execution import Execution, State
from schema.pipeline import Pipeline, Stage
from schema.search import TrialSearch

if TYPE_CHECKING:
    from tests.simulation.invariants import Told

TRIALS = 4
SEARCH = (
    "{method: halton, trials: 4, parallel: 2, seed: 7, objective: {metric: score}, space: {half: {min: 0, max: 1}}}"
)
PIPELINE = f"""
name: p
inputs:
  speed: {{type: number, default: 1, min: 0, max: 9}}
  half: {{type: number, default: 0}}
stages:
  - name: detect
    image: fake
    retry: {{max: 1, when: [exit_code, node_lost], exit_codes: [75]}}
    repeat: {{until: "values.left < 1", max: 3}}
  - name: review
    image: fake
    needs: [detect]
    if: "stages.detect.values.score >= 40 and inputs.speed < 8"
  - name: track
    image: fake
    needs: [detect]
    env: {{FAKE_EXIT: 0}}
    retry: {{max: 1, when: [node_lost]}}
    parallel: {{search: {SEARCH}}}
  - {{name: report, image: fake, needs: [track, {{stage: review, optional: true}}], env: {{FAKE_SECONDS: 3}}}}
"""
WISHES: tuple[dict[str, object], ...] = tuple(
    {
        "request": "start",
        "stage": "track",
        "search": {
            "method": method,
            "trials": TRIALS,
            "parallel": 3,
            "seed": seed,
            "objective": {"metric": "score"},
            "space": {"half": {"min": seed, "max": seed + 1}},
        },
    }
    for method, seed in (("random", 1), ("random", 2), ("halton", 3))
)
"""Searches that people ask for, in place of the pipeline's own."""


def turning(files: Mapping[str, str]) -> dict[str, str]:
    """The same projects with that pipeline."""
    return {**files, "pipelines/p.yaml": PIPELINE}


def given(project: str, execution: int) -> dict[str, object]:
    """The values that an execution gives. Now and then one is missing."""
    chance = Random(f"{project}/{execution}")
    values: dict[str, object] = {"score": chance.randrange(100), "left": chance.randrange(3)}
    if chance.random() < 0.04:
        del values[chance.choice(("score", "left"))]
    return values


def slots_from(pipeline: Pipeline, stage: str, point: int | None) -> Iterator[tuple[str, int | None]]:
    """The slots that a request which began there wants to run: (stage, point); gates run nothing."""
    for each in pipeline.stages:
        if each.gate or (each.name != stage and each.name not in graph_of(pipeline).below[stage]):
            continue
        searched = TRIALS if each.parallel and each.parallel.search else 0
        size = searched or (each.parallel.size if each.parallel else 0)
        points = range(1, size + 1) if size else (None,)
        yield from ((each.name, at) for at in points if each.name != stage or point in (None, at))


# while it goes on


def broken(told: "Told", record: Execution) -> str:
    """What is wrong with an execution that begins now."""
    stage = told.definition.stage(record.stage) if told.definition else None
    if stage is None:
        return ""
    what = ""
    if stage.condition:
        what = _unfounded(told, record)
    elif stage.repeat:
        what = _not_going_on(told, stage, record)
    elif stage.parallel and stage.parallel.search:
        what = _not_proposed(told, stage.parallel.search, record)
    return what


def _unfounded(told: "Told", record: Execution) -> str:
    """Of the stage with a condition, by the result that it was built on."""
    results = [told.executions.get(each.execution) for each in record.needs.get("detect", ())]
    values = [_values(each) for each in results if each]
    if not any(_enough(each) for each in values):
        return f"{record.slot} runs, and its condition does not hold for {values}"
    if record.attempt == 1 and record.inputs["speed"] >= 8:
        return f"{record.slot} runs, and its condition does not hold for the speed {record.inputs['speed']}"
    return ""


def _enough(values: Mapping[str, object]) -> bool:
    score = values.get("score")
    return isinstance(score, int) and score >= 40


def _not_going_on(told: "Told", stage: Stage, record: Execution) -> str:
    """A run after a good one goes on from that one's result; its values ask for it, and there were not too many."""
    assert stage.repeat
    before = [e for e in told.executions.values() if _of_one_run(e, record) and e.state is State.SUCCEEDED]
    if not before:
        return ""
    newest = max(before, key=lambda e: e.execution)
    if record.workspace.source != newest.execution:
        return f"{record.slot} goes on from {record.workspace.source}, and {newest.execution} was the last good run"
    left = _values(newest).get("left")
    if not isinstance(left, int) or left < 1:
        return f"{record.slot} runs again, and {newest.execution} left {left}"
    if (ran := _runs(told.executions, newest)) >= stage.repeat.max:
        return f"{record.slot} ran {ran} times already"
    return ""


def _of_one_run(one: Execution, other: Execution) -> bool:
    return (one.chain, one.request, one.stage, one.point) == (other.chain, other.request, other.stage, other.point)


def _runs(executions: Mapping[int, Execution], newest: Execution) -> int:
    """That one and those it went on from."""
    found: Execution | None = newest
    count = 0
    while found and (found.chain, found.slot) == (newest.chain, newest.slot):
        count += found.state is State.SUCCEEDED
        found = executions.get(found.workspace.source or 0)
    return count


def _not_proposed(told: "Told", own: TrialSearch, record: Execution) -> str:
    """A trial has the values that follow from its search and its number, whoever proposed it."""
    asked = {r.seq: r.parallel.search for r in told.replies if r.parallel and r.parallel.search}
    mine = asked.get(record.chain)
    searches = [mine] if mine else [own, *asked.values()]
    number = record.point or 0
    if not 1 <= number <= TRIALS:
        return f"{record.slot} is no trial"
    half = record.inputs["half"]
    if not any(proposed(each, number, (), {})["half"] == half for each in searches):
        return f"{record.slot} tries half={half}, which follows from no search that was asked for"
    newest = {e.point: e for e in told.executions.values() if e.stage == record.stage and e.point != number}
    active = sum(e.state.active and e.request == record.request for e in newest.values())
    if active >= max(each.parallel for each in searches):
        return f"{record.slot} is tried beside {active} others"
    return ""


def _values(record: Execution) -> Mapping[str, object]:
    return record.result.values if record.result else {}


def once(record: Execution, definition: Pipeline | None) -> tuple[object, ...]:
    """What may have one accepted result only: a slot, and of one that repeats each run."""
    stage = definition.stage(record.stage) if definition else None
    run = record.workspace.source if stage and stage.repeat else None
    return (record.chain, record.request, record.stage, record.point, run)


# where all is done


def excused(view: ProjectView, name: str, own: list[Execution]) -> bool:
    """Whether that slot need not have succeeded: a trial may fail, and a condition need not hold."""
    stage = view.definition.stage(name) if view.definition else None
    if stage and stage.parallel and stage.parallel.search:
        return any(e.state.ended for e in own)
    if stage and stage.condition:
        newest = _newest_good(view.executions, "detect")
        plain = all(r.base is None and r.inputs.get("speed", 0) < 8 for r in view.replies)
        return not (newest and _enough(_values(newest)) and plain)  # else which result it is judged by is not plain
    return False


def unfinished(view: ProjectView, name: str, own: list[Execution]) -> str:
    """A stage that repeats is done when its condition holds, or it ran as often as it may."""
    stage = view.definition.stage(name) if view.definition else None
    newest = _newest_good(own, name)
    if stage is None or stage.repeat is None or newest is None:
        return ""
    left, ran = _values(newest).get("left"), _runs({e.execution: e for e in view.executions}, newest)
    if ran < stage.repeat.max and left != 0:
        return f"{name} ran {ran} times of {stage.repeat.max}, and left {left}"
    return ""


def _newest_good(executions: object, name: str) -> Execution | None:
    found = [e for e in executions if e.stage == name and e.state is State.SUCCEEDED]  # type: ignore[attr-defined]
    return found[-1] if found else None
