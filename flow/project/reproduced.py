"""A stage that was run again and came out the same changes nothing: what was built on it is not stale, and a project
that was done is done.
"""

from flow.fold.chains import Chain, fold
from flow.fold.next_stage import next_steps
from flow.fold.steps import Steps
from flow.model.snapshot import ProjectView
from schema.execution import Execution, State
from schema.reasons import Wait


def agrees(one: Execution, other: Execution) -> bool:
    """Whether both left the same files, values and metrics. Where nobody knows what files were left, they do not."""
    left, right = one.result, other.result
    if left is None or right is None or left.manifest is None:
        return False
    return (left.manifest, left.values, left.metrics) == (right.manifest, right.values, right.metrics)


def still_done(view: ProjectView) -> Steps | None:
    """Where the latest chains only ran single stages again, which came out the same, of a project that was done: how
    that stood before.
    """
    chains = list(fold(view.replies))
    latest = None
    while len(chains) > 1 and _ran_again(view, chains[-1]):
        latest = chains.pop().seq
    if latest is None:
        return None
    before = tuple(reply for reply in view.replies if reply.seq < latest)
    executions = tuple(each for each in view.executions if each.chain < latest)
    steps = next_steps(view.definition, view.project, before, executions)
    return steps if steps.wait and steps.wait.reason is Wait.DONE else None


def _ran_again(view: ProjectView, chain: Chain) -> bool:
    own = [floor for floor in chain.positions if floor.chain == chain.seq]
    if not (chain.fresh and chain.pause_at == {chain.stage} and len(own) == 1 and len(own[0].begins) == 1):
        return False
    point = own[0].begins[0].point
    ended = [e for e in view.executions if e.stage == chain.stage and e.state is State.SUCCEEDED]
    known = [e for e in ended if point in (None, e.point)]
    earlier, mine = [e for e in known if e.chain < chain.seq], [e for e in known if e.chain == chain.seq]
    return bool(earlier and mine) and agrees(earlier[-1], mine[-1])
