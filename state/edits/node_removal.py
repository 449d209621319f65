"""Taking a node out of a repository, so that its name is free: its heartbeat, its file on `main`, its inventory."""

import time

from flow.model.commits import Commit, StateEvent, Write
from flow.model.snapshot import Snapshot
from flow.node.node_states import standing
from schema import layout
from schema.suggest import did_you_mean
from state.contract.errors import StateError
from state.contract.repository import Edit, Landed, Rejected, Rejection
from state.edits.main import commit_edit
from state.git.git_repository import GitRepository

ATTEMPTS = 12


class CannotRemove(StateError):
    """There is no such node, or it lives; the text says which."""


def check(found: Snapshot, node: str) -> None:
    """CannotRemove."""
    known = {*found.inventories, *found.nodes, *found.heartbeats}
    if node not in known:
        hint = did_you_mean(node, known) or "; `winslowctl nodes` lists them"
        raise CannotRemove(f"there is no node {node[:80]!r}{hint}")
    now = standing(found, node)
    if now.answers:
        lost = f"{found.settings.lost_after:g} s"
        raise CannotRemove(
            f"node {node!r} is {now.why}: end it first. One that is gone counts as silent once nobody has seen a sign "
            f"of life for {lost}; look at it with `winslowctl nodes`, and again after that time"
        )


def remove(repository: GitRepository, found: Snapshot, node: str, author: str) -> list[str]:
    """What was done, in sentences. The heartbeat goes first: without one, nodes forget the rest by themselves."""
    done = []
    for place in (layout.NODES, layout.NODE_BRANCHES):
        if repository.publisher.remove(f"{place}{node}"):
            done.append(f"its heartbeat {place}{node} is removed")
    for place in (layout.TOLD, layout.TOLD_BRANCHES):
        repository.publisher.remove(f"{place}{node}")  # most nodes have none
    if node in found.nodes:
        edit = Edit({layout.node(node): None}, f"Remove node {node}", author)
        done.append(f"nodes/{node}.yaml is removed: {commit_edit(repository, lambda _: edit, sleep=time.sleep)[:12]}")
    return [*done, _forgotten(repository, node, author)]


def _forgotten(repository: GitRepository, node: str, author: str) -> str:
    for _ in range(ATTEMPTS):
        found = repository.fetch()
        if node not in found.inventories:
            return "it has no inventory any more"
        event = StateEvent("forget", fact=f"{node} was removed", by=author)
        commit = Commit(event, (Write(layout.inventory(node), None),))
        outcome = repository.swap(found, [commit], node="", author=author)
        if isinstance(outcome, Landed):
            return f"its inventory is removed: {outcome.oid[:12]}"
        if not (isinstance(outcome, Rejected) and outcome.kind is Rejection.RACE):
            break
    return "its inventory is removed by a node that lives, once that has seen no heartbeat for `lost_after`"
