"""Signs of life: a blob behind `refs/winslow/nodes/<node>`, rewritten now and then.

Where a server refuses such refs, each is a commit without parents, forced onto the branch `winslow-nodes/<node>`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import pygit2

from schema import layout
from schema.errors import DocumentError
from schema.node import Heartbeat
from state.contract.errors import StateError
from state.contract.repository import Landed, Outcome, Rejected, Rejection, SignOfLife, Unknown
from state.git import commit_builder
from state.git.clone import Clone
from state.git.clone_reader import VIEW
from state.transport.remote import Remote

FILE = "heartbeat.json"
MAX_BYTES = 64 * 1024
PLACES = (layout.NODES, layout.NODE_BRANCHES)
REFUSED = frozenset({Rejection.HOOK, Rejection.PROTECTED})
"""What a server may say that keeps `refs/winslow` for itself. Any other refusal is one of this moment."""
Publish = Callable[[str, str | None, str], Outcome]
"""A ref, what it is believed to hold, what it is to hold."""


HIDDEN = (
    "the server takes refs/winslow/nodes/{node}, but shows it to no reader (uploadpack.hideRefs or transfer.hideRefs), "
    "and refuses the branch winslow-nodes/{node} in its place; on the server, `git config --show-origin --get-regexp "
    "hiderefs` names the setting: take refs/winslow out of it, or let nodes force-push branches winslow-nodes/* "
    "(receive.denyNonFastForwards)"
)
PATIENCE = 3
"""Beats that do not arrive at one place before the other one is tried."""


@dataclass(frozen=True, slots=True)
class BeatUpdate:
    """A heartbeat to be pushed: where it goes, what is believed to stand there, and its object."""

    place: str
    ref: str
    expected: str | None
    oid: str


def _other(place: str) -> str:
    return layout.NODES if place == layout.NODE_BRANCHES else layout.NODE_BRANCHES


class Beats:
    """The heartbeats of one clone as of the last look, and our own."""

    def __init__(self, clone: Clone, remote: Remote, publish: Publish, remove: Callable[[str], bool]) -> None:
        self.clone, self.remote, self.publish, self.remove = clone, remote, publish, remove
        self.ids: dict[str, str] = {}
        self.node = ""  # whose ours are, once that is known
        self._found: Mapping[str, Mapping[str, str]] = {place: {} for place in PLACES}
        self._place: str | None = None  # where our own go, once that is known
        self._moved: dict[str, str] = {}  # node to the place where it was seen to give a sign last
        self._eager, self._tidied = True, False
        self._landed = ""  # where the last one landed
        self._in_vain = 0  # beats since then
        self._races = 0  # lost in a row to what no look shows
        self._hides, self._no_branch = False, False  # what is known of the server
        self._pushed: tuple[str, str] = ("", "")  # the place, and the id, of our newest

    def look(self, refs: Mapping[str, str]) -> dict[str, str]:
        """Node to what changes with each sign of life, wherever it is given: a ref that is refused now stays behind."""
        before = self._found
        self._found = {
            place: {name.removeprefix(place): oid for name, oid in refs.items() if name.startswith(place)}
            for place in PLACES
        }
        for place, found in self._found.items():
            self._moved.update({node: place for node, oid in found.items() if before[place].get(node, oid) != oid})
        place, oid = self._pushed
        if oid and self._found[place].get(self.node) == oid:  # also where its answer was lost
            self._in_vain = 0
        if self._landed and self.node not in self._found[self._landed]:
            self._hides = self._hides or self._landed == layout.NODES
            self._place, self._landed = _other(self._landed), ""  # the server takes it, and shows it to nobody
        if self.node in self._found[layout.NODES]:
            self._races, self._hides = 0, False
        nodes = {node for found in self._found.values() for node in found}
        self.ids = {node: "+".join(found[node] for found in self._found.values() if node in found) for node in nodes}
        return self.ids

    def heartbeat(self, node: str) -> Heartbeat | None:
        """What it said last: where it was seen to move. A node that has a branch had reason to."""
        places = (self._moved.get(node, layout.NODE_BRANCHES), layout.NODE_BRANCHES, layout.NODES)
        oid = next((oid for place in places if (oid := self._found[place].get(node))), None)
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
        """Where the one place is hidden and the other one refused, that is said instead of a race with nobody."""
        outcome = self._tried(heartbeat, expected)
        if isinstance(outcome, Rejected) and outcome.kind in {*REFUSED, Rejection.RACE} and self._closed:
            return replace(outcome, kind=Rejection.HIDDEN, text=f"{HIDDEN.format(node=self.node)}; {outcome.text}")
        return outcome

    @property
    def _closed(self) -> bool:
        return self._no_branch and (self._hides or self._races >= PATIENCE)

    def _tried(self, heartbeat: Heartbeat, expected: str | None) -> Outcome:
        """To the refs, or to the branches if those are refused; where both are, to one in turn."""
        self.node = heartbeat.node
        place = self._place or self._usual(heartbeat.node)
        outcome = self._beat(place, heartbeat, expected)
        if _refused(outcome) and place == self._landed == layout.NODES:
            outcome = self._beat(place, heartbeat, expected)  # it took the one before: perhaps it refused only this
        if not _refused(outcome):
            self._heard(place, outcome)
            return outcome
        self._landed = ""
        other = _other(place)
        self._place, eager, self._eager = other, self._eager, False
        return self._beat(other, heartbeat, expected) if eager else outcome

    def _heard(self, place: str, outcome: Outcome) -> None:
        """Where nothing is ever answered, or what nobody shows us stands in the way, the other place is tried."""
        if isinstance(outcome, Landed):
            self._place, self._landed, self._in_vain = place, place, 0
            self._tidy(place)
            return
        self._in_vain += isinstance(outcome, Unknown) or self._found[place].get(self.node) is None
        if self._in_vain >= PATIENCE:
            self._place, self._in_vain = _other(place), 0

    def _tidy(self, place: str) -> None:
        """A branch from a time when the refs were refused speaks of that time for ever."""
        if place == layout.NODES and self.node in self._found[layout.NODE_BRANCHES] and not self._tidied:
            self._tidied = True
            self.remove(layout.NODE_BRANCHES + self.node)

    def _usual(self, node: str) -> str:
        return layout.NODE_BRANCHES if node in self._found[layout.NODE_BRANCHES] else layout.NODES

    def beside(self, sign: SignOfLife) -> BeatUpdate:
        """For a push that moves `winslow/state` as well: where this node's last ones went."""
        place = self._place or self._usual(sign.heartbeat.node)
        return self._update(place, sign.heartbeat, sign.expected)

    def arrived(self, update: BeatUpdate) -> None:
        self._heard(update.place, Landed(update.oid))

    def _update(self, place: str, heartbeat: Heartbeat, expected: str | None) -> BeatUpdate:
        node, branch = heartbeat.node, place == layout.NODE_BRANCHES
        lease = self._found[place].get(node) if expected == self.ids.get(node) else expected
        content = heartbeat.model_dump_json().encode()
        oid = self._commit(node, content) if branch else self._blob(content)
        self._pushed = (place, oid)
        return BeatUpdate(place, place + node, lease, oid)

    def _beat(self, place: str, heartbeat: Heartbeat, expected: str | None) -> Outcome:
        update, branch = self._update(place, heartbeat, expected), place == layout.NODE_BRANCHES
        lease = update.expected
        outcome = self.publish(update.ref, lease, update.oid)
        if branch and isinstance(outcome, Landed | Rejected):
            self._no_branch = _refused(outcome)
        elif not branch and lease is None and isinstance(outcome, Rejected):
            self._races += outcome.kind is Rejection.RACE
        return outcome

    def _blob(self, content: bytes) -> str:
        return str(self.clone.repo.create_blob(content))

    def _commit(self, node: str, content: bytes) -> str:
        tree = commit_builder.write_tree(self.clone.repo, None, {FILE: content})
        author = f"node {node} <{node}@winslow.invalid>"
        return commit_builder.commit(self.clone.repo, [], tree, f"Sign of life of {node}", author=author)


def _refused(outcome: Outcome) -> bool:
    return isinstance(outcome, Rejected) and outcome.kind in REFUSED
