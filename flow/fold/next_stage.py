"""What a project wants next. One pure function without time, called by nodes, page, `plan` and simulator alike.

Each slot (a stage, or a point of its matrix) is in exactly one state: run, active, waiting, done, passed over, skipped
by its condition, failed, or blocked by what failed. Stages are looked at in the order of the definition, in which every
stage stands below all that it needs. A row is the graph in which each stage needs the one before it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from flow.fold import lineage, stage_points
from flow.fold.chains import fold
from flow.fold.remembered import remembered
from flow.fold.steps import Standing, Status, Steps, Waiting, plain_standing
from flow.fold.walk import StageFound, Walk
from flow.model.memo import shared
from schema.execution import Execution
from schema.pipeline import Pipeline, Stage, When
from schema.project import Project
from schema.reasons import Wait
from schema.reply import Reply

_LASTING = (When.ALWAYS, When.ON_FAILURE)
"""Such stages run also below a failure."""


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
    return _steps(Walk(pipeline, project, chains[-1], executions, memory), active)


def _steps(walk: Walk, active: tuple[Execution, ...]) -> Steps:
    for stage in walk.pipeline.stages:
        walk.found[stage.name] = _stage(walk, stage)
    stops = _fail_fast(walk)
    if not (walk.slots or walk.waits or any(each.status == "active" for each in walk.found.values())):
        walk.waits.append(Waiting(Wait.DONE, text="every stage is done"))
    return Steps(
        walk.chain,
        slots=tuple(walk.slots),
        waits=tuple(walk.waits),
        active=active,
        standings=tuple(_standing(name, found) for name, found in walk.found.items()),
        sources=tuple(sorted(lineage.sources(walk))),
        left_out=shared(frozenset(name for name in walk.found if walk.left_out(name, None))),
        stops=stops,
        bases=dict(walk.bases),
    )


def _standing(name: str, found: StageFound) -> Standing:
    if found.points is None:
        return plain_standing(name, found.status, found.text)
    return Standing(name, found.status, found.text, tuple(found.points))


def _stage(walk: Walk, stage: Stage) -> StageFound:
    above = [walk.found[need.stage] for need in walk.graph.needs[stage.name]]
    found = StageFound(upset=any(each.upset for each in above), start=lineage.start_of(walk, stage))
    found.settled = all(each.settled for each in above)
    if walk.left_out(stage.name, None):
        found.status = "done"
    elif walk.grounds.stages[stage.name].passed:
        lineage.pass_over(walk, stage, found)
    elif reason := _not_wanted(walk, stage, found):
        found.status, found.text = reason
    elif not found.settled:
        looked_at_early(walk, stage, found)
    else:
        stage_points.look_at(walk, stage, found)
    return found


def _not_wanted(walk: Walk, stage: Stage, found: StageFound) -> tuple[Status, str] | None:
    """Whether what became of the stages above rules it out, and in which way."""
    lasting = stage.when in _LASTING
    needs = walk.graph.needs[stage.name]
    if found.upset and not lasting:
        culprit = next(need.stage for need in needs if walk.found[need.stage].upset)
        verb = {"failed": "failed", "blocked": "is blocked"}.get(walk.found[culprit].status)
        return "blocked", f"needs {culprit!r}, which {verb or 'stands below a failure'}"
    if found.settled and stage.when is When.ON_FAILURE and not found.upset:
        return "passed", ""
    skipped = [n.stage for n in needs if walk.found[n.stage].status == "skipped" and not n.optional]
    return ("skipped", f"needs {skipped[0]!r}, which is skipped") if skipped and not lasting else None


def looked_at_early(walk: Walk, stage: Stage, found: StageFound) -> None:
    """Something above is to come: nothing is to be started, but what runs is told."""
    after = walk.grounds.stages[stage.name].after
    if any(e.state.active and e.execution > after for runs in walk.runs_of(stage.name) for e in runs):
        found.status = "active"


def _fail_fast(walk: Walk) -> dict[int, str]:
    """Once a stage has failed nothing else is started, and what runs is to be ended, with the reason."""
    failed = next((name for name, found in walk.found.items() if found.status == "failed" and found.upset), None)
    if failed is None or not walk.pipeline.fail_fast:
        return {}
    text = f"{failed!r} failed, and the pipeline says fail_fast"
    lasting = {stage.name for stage in walk.pipeline.stages if stage.when in _LASTING}
    for name in {slot.stage.name for slot in walk.slots} - lasting:
        found = walk.found[name]
        found.status, found.text = "blocked", text
        if found.points:
            found.points = [replace(p, status="blocked") if p.status == "run" else p for p in found.points]
    walk.slots = [slot for slot in walk.slots if slot.stage.name in lasting]
    walk.waits = [w for w in walk.waits if w.reason in (Wait.FAILED, Wait.REJECTED) or w.stage in lasting]
    active = (name for name, found in walk.found.items() if found.status == "active" and name not in lasting)
    return {e.execution: text for name in active for e in _active(walk, name)}


def _active(walk: Walk, stage: str) -> Iterator[Execution]:
    for runs in walk.runs_of(stage):
        after = walk.grounds.of(stage, runs[0].point).after
        yield from (e for e in runs if e.state.active and e.execution > after)
