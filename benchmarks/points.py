"""The fold of one project with a thousand points: before any ran, with all done, and where their values are read."""

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
    """Milliseconds."""
    begun, ended = _view(points, 0), _view(points, points)
    reading = _view(points, points, '"$[[ stages.work.values.cars ]]"')
    return {
        "points": points,
        "fold_all_wanted_ms": _folded(begun, rounds),
        "fold_all_done_ms": _folded(ended, rounds),
        "fold_a_join_reads_all_values_ms": _folded(reading, rounds),
        "states_of_all_points_ms": spread([1000 * timed(lambda: _states(ended)) for _ in range(rounds)]),
    }


def _folded(view: ProjectView, rounds: int) -> dict[str, float]:
    def fold() -> object:
        return next_steps(view.definition, view.project, view.replies, view.executions)

    fold()
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
