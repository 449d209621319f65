"""Whether a node answers and takes work: one value that every surface shows, from the repository and what was judged.

A node that stops says so itself; one that is silent is found so by the others, who write it down beside its inventory
with the heartbeat that they saw last. Another heartbeat than that one is a sign of life, and voids what was said.
Where nobody is left to judge, who looks judges by what he has seen himself (`judge`): `Snapshot.judged`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from flow.model.memo import Memo
from flow.model.snapshot import Judged, Snapshot
from schema.node import Heartbeat, Inventory, NodeAway, NodeSettings


class NodeState(StrEnum):
    """The first that holds is shown, in this order."""

    ABSENT = "not joined"
    STOPPED = "stopped"
    SILENT = "silent"
    HALTED = "halted"
    TOO_OLD = "too old"
    UNSEEN = "unseen"
    UNKNOWN = "unknown"
    BARRED = "not admitted"
    FULL = "full"
    IN_USE = "in use"
    DRAINING = "draining"
    READY = "ready"


AWAY = frozenset({NodeState.ABSENT, NodeState.STOPPED, NodeState.SILENT})
"""Nobody answers there."""
DOUBTED = AWAY | {NodeState.UNKNOWN}
IDLE = AWAY | {NodeState.HALTED, NodeState.TOO_OLD}
"""It does nothing for projects of which it holds nothing: it takes no work and no steward's duties."""

WHAT_HELPS = {
    NodeState.HALTED: "`winslowctl recover` there says what was lost",
    NodeState.TOO_OLD: "upgrade Winslow there",
    NodeState.UNSEEN: "`winslowctl doctor` there says why",
    NodeState.UNKNOWN: "look again in a moment",
    NodeState.BARRED: "commit that file",
    NodeState.IN_USE: "it takes work again by itself, or after `winslowctl yield --off`",
}
"""What brings a node back that does not take work though it should; of any other state, that it is started."""

UNSEEN = (
    "none of its heartbeats is to be seen, so it takes nothing while others are there; `winslowctl doctor` says why"
)
NEVER_SEEN = ", and none of its heartbeats is to be seen (`winslowctl doctor` says why)"
"""Of a node that is not alone: its inventory came, and a node beats before it writes that."""


@dataclass(frozen=True, slots=True)
class NodeStanding:
    """`text` says since when or why, where there is something to say."""

    node: str
    state: NodeState
    text: str = ""

    @property
    def answers(self) -> bool:
        """As far as is known."""
        return self.state not in DOUBTED

    @property
    def takes(self) -> bool:
        """Whether it takes new work."""
        return self.state is NodeState.READY

    @property
    def helps(self) -> str:
        """What brings it back; nothing where a start does."""
        return WHAT_HELPS.get(self.state, "")

    @property
    def why(self) -> str:
        """The state in a sentence's words: `silent for 6 min`."""
        if self.state in AWAY and self.text.startswith(self.state):
            return self.text
        return f"{self.state}: {self.text}" if self.text else str(self.state)


def what_helps(nodes: Sequence[NodeStanding]) -> str:
    """What a person does so that one of them takes work again: a node that runs is not told to be started."""
    if len(nodes) == 1:
        return nodes[0].helps or "start it"
    told = [f"{each.node}: {each.helps}" for each in nodes if each.helps]
    if len(told) < len(nodes):
        others = [each.node for each in nodes if not each.helps]
        told.append(f"start {'one of them' if len(others) == len(nodes) else ' or '.join(others)}")
    return "; ".join(told)


def standing(snapshot: Snapshot, node: str) -> NodeStanding:
    inventory = snapshot.inventories.get(node)
    if inventory is None:
        return NodeStanding(node, NodeState.ABSENT)
    settings = snapshot.nodes.get(node)
    for state, text in _findings(snapshot, inventory, settings):
        if text:
            return NodeStanding(node, state, text)
    if settings and settings.drain:
        return NodeStanding(node, NodeState.DRAINING, "it takes nothing new")
    return NodeStanding(node, NodeState.READY)


def _standings(snapshot: Snapshot) -> Mapping[str, NodeStanding]:
    return {name: standing(snapshot, name) for name in sorted(snapshot.inventories)}


standings: Memo[Snapshot, Mapping[str, NodeStanding]] = Memo(_standings, 8)
"""Of all nodes that joined, by name."""


def nobody_answers(snapshot: Snapshot) -> str:
    """Why nothing will happen, where there are nodes and none of them answers and can act; else nothing."""
    found = standings(snapshot)
    answering = [each for each in found.values() if each.answers]
    if not found or any(each.state is not NodeState.TOO_OLD for each in answering):
        return ""
    told = ", ".join(f"{each.node} {each.why}" for each in found.values())
    return f"no node can act: {told}" if answering else f"no node answers: {told}"


def away(snapshot: Snapshot, node: str) -> NodeAway | None:
    """What is written down of its absence, if that is still so."""
    inventory = snapshot.inventories.get(node)
    told = inventory.away if inventory else None
    return told if told and told.beat == snapshot.heartbeats.get(node, told.beat) else None


def _findings(
    snapshot: Snapshot, inventory: Inventory, settings: NodeSettings | None
) -> Iterable[tuple[NodeState, str]]:
    node = inventory.node
    told, judged = away(snapshot, node), snapshot.judged.get(node, Judged("", ""))
    wanted, known = snapshot.settings.schema_version, inventory.schema_version
    barred = snapshot.settings.join != "open" and settings is None
    stopped = f"stopped at {told.since}" if told and told.why == "stopped" else ""
    silent = f"silent since {told.since}, as {told.by} saw" if told and told.why == "silent" else ""
    old = f"it reads schema {known}, and winslow.yaml wants {wanted}; upgrade Winslow there" if wanted > known else ""
    return (
        (NodeState.STOPPED, stopped),
        (NodeState.SILENT, judged.text if judged.state == NodeState.SILENT else silent),
        (NodeState.HALTED, judged.text if judged.state == NodeState.HALTED else inventory.halted),
        (NodeState.TOO_OLD, old),
        (NodeState.UNSEEN, judged.text if judged.state == NodeState.UNSEEN else ""),
        (NodeState.UNKNOWN, judged.text if judged.state == NodeState.UNKNOWN else ""),
        (NodeState.BARRED, f"nodes/{node}.yaml is missing" if barred else ""),
        (NodeState.FULL, inventory.full),
        (NodeState.IN_USE, _owner(inventory, settings)),
    )


def _owner(inventory: Inventory, settings: NodeSettings | None) -> str:
    """Why its owner has it. What he asked for holds at once, until the node says that its time is over."""
    wish = settings.gives_back if settings else None
    return inventory.owner or ("asked for by its owner" if wish and wish.asked != inventory.yielded else "")


def judge(snapshot: Snapshot, silence: Mapping[str, float], heard: Mapping[str, Heartbeat]) -> dict[str, Judged]:
    """What follows from what one has seen: for how long each heartbeat did not change, and what they say."""
    found = {}
    for node in snapshot.inventories:
        quiet, said = silence.get(node), heard.get(node)
        hidden = quiet is not None and node not in snapshot.heartbeats and len(snapshot.inventories) > 1
        if quiet is not None and quiet >= snapshot.settings.lost_after:
            found[node] = Judged(NodeState.SILENT, f"silent for {rough(quiet)}{NEVER_SEEN if hidden else ''}")
        elif hidden:
            found[node] = Judged(NodeState.UNSEEN, UNSEEN)
        elif said and said.halted:
            found[node] = Judged(NodeState.HALTED, said.halted)
    return found


def unheard(snapshot: Snapshot, ages: Mapping[str, float]) -> dict[str, Judged]:
    """Of nodes that one looks at for the first time: how long ago they spoke, by their own clocks, if long ago."""
    limit = max(3 * snapshot.settings.lost_after, 3600.0)  # more than a wrong clock explains
    text = "its last sign of life is {} old by its own clock; whether it lives is known after the next look"
    return {node: Judged(NodeState.UNKNOWN, text.format(rough(age))) for node, age in ages.items() if age > limit}


def rough(seconds: float) -> str:
    """A duration as people say it: `40 s`, `6 min`, `3 h`, `2 days`."""
    for size, word in ((86_400, "day"), (3600, "h"), (60, "min")):
        if seconds >= size:
            count = int(seconds // size)
            return f"{count} {word}{'s' if word == 'day' and count > 1 else ''}"
    return f"{int(seconds)} s" if seconds < 10 else f"{int(seconds) // 10 * 10} s"  # so that it seldom changes
