"""Projects that a decision has to look at. Of ten thousand nearly all rest: nothing runs, is asked or is wanted."""

from flow.model.memo import Memo
from flow.model.snapshot import ProjectView, Snapshot
from flow.project.replies import steps_of
from schema.execution import State


def _resting(view: ProjectView) -> bool:
    """Whether no round has anything to do for it until one of its files changes."""
    if view.unanswered or view.deletion or view.tombstone or view.damage or view.flags:
        return False
    if steps_of(view).stops:
        return False
    held = any(execution.state.active or execution.state is State.LOST for execution in view.executions)
    return not held and not steps_of(view).slots


_rests: Memo[ProjectView, bool] = Memo(_resting)


def _open(snapshot: Snapshot) -> tuple[ProjectView, ...]:
    return tuple(view for view in snapshot.projects.values() if not _rests(view))


open_views: Memo[Snapshot, tuple[ProjectView, ...]] = Memo(_open, 8)
"""The views of a snapshot that do not rest, in the snapshot's order."""
