"""Pushes of which nobody has been told yet: the answer was lost, or the node was killed right after it.

Before a push the journal names what it is built on. Where this node's commits stand right above that at a later look,
the push has landed, and what it changed is told then; whatever else stands there, it did not land.
"""

from collections.abc import Callable, Sequence
from itertools import islice, takewhile

from controller.journal.journal import Journal, Tips
from flow.model.commits import Commit, StateEvent
from flow.model.snapshot import Snapshot
from state.contract.commit_message import parse
from state.contract.errors import StateError
from state.contract.repository import Landed, Outcome, Repository

FURTHEST = 10_000
"""Commits above a push up to which it is looked for."""

Changed = Callable[[Snapshot, Snapshot, Sequence[Commit]], None]


class PushRecovery:
    def __init__(self, journal: Journal, repository: Repository, node: str, changed: Changed) -> None:
        self.journal, self.repository, self.node, self.changed = journal, repository, node, changed
        self._before: Snapshot | None = None

    def begin(self, before: Snapshot, commits: Sequence[Commit]) -> None:
        if any(commit.event.project for commit in commits):
            self._before = before
            self.journal.begin_push(Tips(before.main, before.state))

    def heard(self, outcome: Outcome | None, before: Snapshot | None, commits: Sequence[Commit]) -> None:
        """Tell what has landed. Of any other push the next look tells what came of it."""
        if isinstance(outcome, Landed) and outcome.snapshot and before:
            self.changed(before, outcome.snapshot, commits)
            self.journal.end_push()

    def look(self, now: Snapshot) -> None:
        """At a fetched snapshot: was there a push that nobody was told of?"""
        base = self.journal.pushed
        if base is None or now.state == base.state:
            return
        try:
            if self.repository.descends(now.state, base.state):
                self._tell(base, now)
        except StateError:
            pass  # what it was built on cannot be read any more: nobody can say what it changed
        self.journal.end_push()

    def _tell(self, base: Tips, now: Snapshot) -> None:
        landed = self._landed(base, now.state)
        if not landed:
            return
        before, tip = self._before, landed[-1][0]
        if before is None or (before.main, before.state) != (base.main, base.state):
            before = self.repository.at(base.main, base.state)
        after = now if now.state == tip else self.repository.at(base.main, tip)
        self.changed(before, after, [Commit(event) for _, event in landed])

    def _landed(self, base: Tips, tip: str) -> list[tuple[str, StateEvent]]:
        """This node's commits right above the base, oldest first."""
        line = islice(self.repository.messages(tip), FURTHEST)
        above = [(oid, parse(text).trailers) for oid, _, text in takewhile(lambda each: each[0] != base.state, line)]
        if len(above) == FURTHEST:
            return []
        ours = takewhile(lambda each: each[1].get("Node") == self.node, reversed(above))
        return [(oid, StateEvent(said.get("Event", ""), said.get("Project", ""))) for oid, said in ours]
