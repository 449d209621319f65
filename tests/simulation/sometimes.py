"""What has to happen now and then in worlds that branch, or their seeds prove nothing about it."""

from collections.abc import Callable, Iterable, Iterator, Mapping

from schema.execution import State
from schema.reply import Reply
from tests.simulation.invariants import Told

Situation = Callable[[Told], bool]


def _accepted(told: Told, kind: str) -> Iterator[Reply]:
    return (reply for reply in told.replies if reply.kind == kind and reply.accepted)


def _lost_point(told: Told) -> bool:
    ends = (State.LOST, State.SUPERSEDED)
    return any(e.point is not None and e.state in ends for e in told.executions.values())


def _retried(told: Told) -> bool:
    failed = {(e.chain, e.request, e.slot) for e in told.executions.values() if e.state is State.FAILED}
    return any(e.attempt > 1 and (e.chain, e.request, e.slot) in failed for e in told.executions.values())


def _joined_anew(told: Told) -> bool:
    """A join that is built on points of which one was redone."""
    joins = (e.needs.get("track", ()) for e in told.executions.values() if e.stage == "report")
    made = [[told.executions.get(each.execution) for each in needed] for needed in joins]
    return any(len({e.request for e in each if e}) > 1 for each in made)


SITUATIONS: Mapping[str, Situation] = {
    "a point is redone alone": lambda told: any(r.position and r.position.point for r in _accepted(told, "start")),
    "a point is skipped": lambda told: any("." in str(r.stage) for r in _accepted(told, "skip")),
    "a stage is skipped": lambda told: any("." not in str(r.stage) for r in _accepted(told, "skip")),
    "an abort ends an execution": lambda told: any(r.execution for r in _accepted(told, "abort")),
    "a gate is rejected": lambda told: any(r.inputs.get("keep") is False for r in _accepted(told, "answer")),
    "a resume goes on below what failed": lambda told: any(r.position for r in _accepted(told, "resume")),
    "a point is lost with its node": _lost_point,
    "a failure is tried again": _retried,
    "a join is built on a point that was redone": _joined_anew,
    "a stage fails for good": lambda told: any(e.state is State.FAILED for e in told.executions.values()),
}
"""By name; each over what the history of one project says."""


def _ran_again(told: Told) -> bool:
    """A stage on a result of its own."""
    sources = ((e, told.executions.get(e.workspace.source or 0)) for e in told.executions.values())
    return any(source and (source.chain, source.slot) == (e.chain, e.slot) for e, source in sources)


TURNS: Mapping[str, Situation] = {
    "a condition holds": lambda told: any(e.stage == "review" for e in told.executions.values()),
    "a stage goes on without one whose condition did not hold": lambda told: any(
        "review" in e.conditions for e in told.executions.values()
    ),
    "a stage runs again on its own result": _ran_again,
    "a search of a person's own is accepted": lambda told: any(
        r.parallel and r.parallel.search for r in _accepted(told, "start")
    ),
    "a trial is lost with its node": _lost_point,
    "a trigger starts a project": lambda told: any(r.request.startswith("start-t-") for r in _accepted(told, "start")),
}
"""And in worlds with conditions, repetitions, searches and a trigger."""


def never(situations: Mapping[str, Situation], told: Iterable[Told]) -> list[str]:
    """Names of those that did not occur in any of these projects."""
    every = list(told)
    return [name for name, occurs in situations.items() if not any(map(occurs, every))]
