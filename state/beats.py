"""Signs of life: a blob behind `refs/winslow/nodes/<node>`, rewritten now and then.

Where a server refuses such refs, each is a commit without parents, forced onto the branch `winslow-nodes/<node>`.
"""

from collections.abc import Callable, Mapping

import pygit2

from schema import layout
from schema.errors import DocumentError
from schema.node import Heartbeat
from state import build
from state.errors import StateError
from state.looks import VIEW
from state.read import Clone
from state.remote import Remote
from state.repository import Landed, Outcome, Rejected, Rejection

FILE = "heartbeat.json"
MAX_BYTES = 64 * 1024
PLACES = (layout.NODES, layout.NODE_BRANCHES)
REFUSED = frozenset({Rejection.HOOK, Rejection.PROTECTED, Rejection.UNKNOWN})
Publish = Callable[[str, str | None, str], Outcome]
"""A ref, what it is believed to hold, what it is to hold."""


class Beats:
    """The heartbeats of one clone as of the last look, and our own."""

    def __init__(self, clone: Clone, remote: Remote, publish: Publish) -> None:
        self.clone, self.remote, self.publish = clone, remote, publish
        self.ids: dict[str, str] = {}
        self._found: Mapping[str, Mapping[str, str]] = {place: {} for place in PLACES}
        self._place: str | None = None  # where our own go, once that is known
        self._eager = True

    def look(self, refs: Mapping[str, str]) -> dict[str, str]:
        """Node to what changes with each sign of life, wherever it is given: a ref that is refused now stays behind."""
        self._found = {
            place: {name.removeprefix(place): oid for name, oid in refs.items() if name.startswith(place)}
            for place in PLACES
        }
        nodes = {node for found in self._found.values() for node in found}
        self.ids = {node: "+".join(found[node] for found in self._found.values() if node in found) for node in nodes}
        return self.ids

    def heartbeat(self, node: str) -> Heartbeat | None:
        """What it said last. A node that has a branch had reason to."""
        oid = self._found[layout.NODE_BRANCHES].get(node) or self._found[layout.NODES].get(node)
        try:
            return Heartbeat.model_validate_json(self._content(oid)) if oid else None
        except (StateError, DocumentError, KeyError, ValueError, pygit2.GitError):
            return None

    def _content(self, oid: str) -> bytes:
        if oid not in self.clone.repo.odb:
            found = self.remote.blob(oid, MAX_BYTES)
            if found is not None:
                return found
            self.remote.fetch([f"+{place}*:{VIEW}{place.removeprefix('refs/')}*" for place in PLACES])
        if self.clone.commit_named(oid):
            oid = self.clone.entry(self.clone.commit(oid).tree_id, FILE) or oid
        return self.clone.text(oid, FILE, MAX_BYTES)

    def beat(self, heartbeat: Heartbeat, expected: str | None) -> Outcome:
        """To the refs, or to the branches if those are refused; where both are, to one in turn."""
        place = self._place or self._usual(heartbeat.node)
        outcome = self._beat(place, heartbeat, expected)
        if not isinstance(outcome, Rejected) or outcome.kind not in REFUSED:
            self._place = place if isinstance(outcome, Landed) else self._place
            return outcome
        other = layout.NODES if place == layout.NODE_BRANCHES else layout.NODE_BRANCHES
        self._place, eager, self._eager = other, self._eager, False
        return self._beat(other, heartbeat, expected) if eager else outcome

    def _usual(self, node: str) -> str:
        return layout.NODE_BRANCHES if node in self._found[layout.NODE_BRANCHES] else layout.NODES

    def _beat(self, place: str, heartbeat: Heartbeat, expected: str | None) -> Outcome:
        node, branch = heartbeat.node, place == layout.NODE_BRANCHES
        lease = self._found[place].get(node) if expected == self.ids.get(node) else expected
        content = heartbeat.model_dump_json().encode()
        return self.publish(place + node, lease, self._commit(node, content) if branch else self._blob(content))

    def _blob(self, content: bytes) -> str:
        return str(self.clone.repo.create_blob(content))

    def _commit(self, node: str, content: bytes) -> str:
        tree = build.write_tree(self.clone.repo, None, {FILE: content})
        author = f"node {node} <{node}@winslow.invalid>"
        return build.commit(self.clone.repo, [], tree, f"Sign of life of {node}", author=author)
