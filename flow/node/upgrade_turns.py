"""Whose turn it is where several nodes are upgraded: one after the other by name, and nobody passes one that is not
back. All come to that from what nodes say of themselves, so nothing has to be agreed on. Pure.
"""

from collections.abc import Iterable
from datetime import UTC, datetime

from flow.model.snapshot import Snapshot
from flow.node.node_states import DOUBTED, NodeState, away, standing

NOT_BACK = DOUBTED | {NodeState.HALTED, NodeState.TOO_OLD, NodeState.UNSEEN}
"""Of a node that runs the version: so it does not do its work."""
RESTARTS = 3600.0
"""Seconds since a node stopped, by two clocks, within which it may be one that is upgraded."""


def ahead_of(snapshot: Snapshot, node: str, wall: float) -> frozenset[str]:
    """Nodes that are upgraded before this one: with a smaller name, and answering, or stopped within the last hour, as
    one is that restarts at this moment. One that has been away for longer holds nobody up. `wall`: seconds since 1970.
    """
    return frozenset(name for name in snapshot.inventories if name < node and _counts(snapshot, name, wall))


def _counts(snapshot: Snapshot, name: str, wall: float) -> bool:
    told = standing(snapshot, name)
    absence = away(snapshot, name)
    if told.state is not NodeState.STOPPED or absence is None:
        return told.answers
    try:
        since = datetime.fromisoformat(absence.since)
    except ValueError:
        return False
    return abs(wall - (since if since.tzinfo else since.replace(tzinfo=UTC)).timestamp()) < RESTARTS


def not_yet(snapshot: Snapshot, nodes: Iterable[str], version: str) -> dict[str, str]:
    """Of these, those that do not work with that version, with what each does instead. One that was removed is none."""
    found = {}
    for name in sorted(nodes):
        inventory = snapshot.inventories.get(name)
        if inventory is None:
            continue
        told = standing(snapshot, name)
        if inventory.winslow != version:
            found[name] = f"runs {inventory.winslow or 'an unknown version'}"
        elif told.state in NOT_BACK:
            found[name] = f"runs it, and is not back: {told.why}"
    return found
