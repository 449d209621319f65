"""The fold of one project with a thousand points: the first time, and after one more of them has ended."""

import json
from dataclasses import replace

from benchmarks.measure import spread, timed
from flow.fold.next_stage import next_steps
from flow.model.snapshot import ProjectView, RequestFile, Snapshot
from flow.project.replies import answer, steps_of
from flow.status.states import stage_states
from schema.binding import read
from schema.execution import Claim, Execution, Result, State
from schema.packed import kept
from schema.pipeline import Pipeline
from schema.project import Project
from schema.request import Request

PIPELINE = """
name: p
stages:
  - {name: split, image: i}
  - name: work
    image: i
    command: [run, "$[[ inputs.segment ]]"]
    parallel: {for_each: "$[[ stages.split.values.segments ]]", as: segment}
  - {name: join, image: i, command: [JOINED]}
"""


def measure(points: int, rounds: int) -> dict[str, object]:
    """Milliseconds. `warm`: the chain was folded before, with one end less, or one more."""
    reading = '"$[[ stages.work.values.cars ]]"'
    ended = _view(points, points)
    return {
        "points": points,
        "fold_warm_when_few_have_ended_ms": _warm(_view(points, 9), rounds),
        "fold_warm_when_half_has_ended_ms": _warm(_view(points, points // 2), rounds),
        "fold_warm_when_all_have_ended_ms": _warm(ended, rounds),
        "fold_warm_and_a_join_reads_all_values_ms": _warm(_view(points, points, reading), rounds),
        "fold_anew_when_few_have_ended_ms": _folded(_view(points, 9), rounds, anew=True),
        "fold_anew_when_all_have_ended_ms": _folded(ended, rounds, anew=True),
        "states_of_all_points_ms": spread([1000 * timed(lambda: _states(ended)) for _ in range(rounds)]),
    }


def _warm(view: ProjectView, rounds: int) -> dict[str, float]:
    """Each fold sees one commit more, or less, than the one before."""
    before = replace(view, executions=view.executions[:-1])
    for each in (before, view):
        _folded(each, 1)
    times = [_folded(each, 1)["median"] for _ in range(rounds) for each in (before, view)]
    return spread(times)


def _folded(view: ProjectView, rounds: int, *, anew: bool = False) -> dict[str, float]:
    def fold() -> object:
        return next_steps(view.definition, view.project, view.replies, view.executions, anew=anew)

    return spread([1000 * timed(fold) for _ in range(rounds)])


def _states(view: ProjectView) -> object:
    return stage_states(Snapshot("m" * 40, "s" * 40, projects={view.id: view}), view)


def _view(points: int, done: int, joined: str = "run") -> ProjectView:
    pipeline = read(Pipeline, PIPELINE.replace("JOINED", joined), "p.yaml")
    view = ProjectView("v", Project(pipeline="p"), pipeline=pipeline)
    asked = RequestFile("0001-start.yaml", "b" * 40, "Ada <ada@example.org>", "c" * 40, Request(request="start"))
    view = answer(view, asked).view
    segments = json.dumps([f"{30 * at}-{30 * at + 30}" for at in range(points)])
    records = [_record(1, "split", None, {"segments": segments})]
    records += [_record(2 + at, "work", at + 1, {"cars": at}) for at in range(done)]
    view = replace(view, executions=tuple(kept(record) for record in records))
    assert steps_of(view).slots
    return view


def _record(number: int, stage: str, point: int | None, values: dict[str, object]) -> Execution:
    claim = Claim(id=f"{number:032x}", container=f"{number:032x}", node="n1", incarnation="i")
    return Execution(
        execution=number, stage=stage, point=point, chain=1, request="0001-start.yaml", state=State.SUCCEEDED,
        claim=claim, result=Result(values=values, manifest="blake3:" + "0" * 64),
    )  # fmt: skip
