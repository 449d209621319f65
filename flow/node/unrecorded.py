"""What a node did for the repository that this has no record of any more, because a branch lost commits for good."""

from flow.model.snapshot import ProjectView
from flow.node.node_world import ExecutionEnd, HeldClaim


def lost_work(view: ProjectView | None, entry: HeldClaim, ended: ExecutionEnd | None, node: str) -> str:
    """In words, when the node lets go of it. Nothing where that is ordinary.

    A number keeps its node from its first record on: where there is none, or another node's, the one that this claim
    was made with is gone.
    """
    if view is None or view.deletion or view.damage or entry.phase != "started":
        return ""
    order = entry.order
    record = view.execution(order.execution)
    if record is not None and record.claim.node == node:
        return ""
    now = f"is {record.claim.node}'s" if record else "is not there"
    found = "it had not ended, and was stopped"
    if ended is not None:
        found = f"it ended here ({ended.state}), and that is not used"
    stage = f"{order.project}/{order.execution} ({order.stage})"
    return (
        f"the record of {stage} was lost with commits of winslow/state, and {now}: {found}; what it wrote stays in its "
        f"workspace on this node until another execution of that number begins here; to have it again: winslowctl redo "
        f"{order.project} --stage {order.stage}"
    )
