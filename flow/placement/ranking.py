"""Which node should run a slot: can it at all, would it wait, and who tries first. Pure; safety never rests on it."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from flow.fold.attempts import saved_files
from flow.fold.steps import Slot
from flow.model.memo import KeepingMemo
from flow.model.snapshot import ProjectView, Snapshot
from flow.node.node_states import NodeStanding, NodeState, standings, what_helps
from flow.placement import capacity, gpus
from flow.placement.built_images import BuiltImage, images_of
from flow.placement.grants import Asker, asker, refusal
from flow.project.active import open_views
from schema import images
from schema.execution import Execution
from schema.node import Inventory, NodeGpu, NodeSettings
from schema.pipeline import Stage
from schema.reasons import Wait
from schema.rights import NO_RIGHTS

DELAY_RANKS = 5
"""Ranks beyond this one wait no longer than it does."""


READY = NodeStanding("", NodeState.READY)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A node as everyone sees it."""

    inventory: Inventory
    settings: NodeSettings
    busy: int  # executions it holds
    taken: gpus.Holders = field(default_factory=dict)
    lacks: frozenset[str] = frozenset()  # files that its pool has not, as far as one knows
    standing: NodeStanding = READY
    fetches: frozenset[str] = frozenset()  # files that it lacks, and can have from another node's pool
    claims: capacity.Claims = field(default_factory=dict)  # what runs there asked for

    @property
    def name(self) -> str:
        return self.inventory.node

    @property
    def slots(self) -> int | None:
        return capacity.slots(self.inventory, self.settings)

    @property
    def labels(self) -> frozenset[str]:
        return frozenset(self.inventory.labels) | frozenset(self.settings.labels)

    @property
    def free(self) -> bool:
        return self.slots is None or self.busy < self.slots

    def shortage(self, stage: Stage) -> str:
        """What is short for the stage now, but for GPUs."""
        return capacity.shortage(stage, self.inventory, self.settings, self.claims)

    def gpus_for(self, stage: Stage) -> tuple[NodeGpu, ...] | None:
        """Those that the stage would get now; None where too few are free."""
        return gpus.choose(stage.resources, self.inventory.gpus, self.taken)

    def gpus_idle(self, stage: Stage) -> int:
        """Bytes of the GPUs that it would get, less what stages share of them."""
        return sum(gpus.left_idle(gpu, self.taken, stage.resources) for gpu in self.gpus_for(stage) or ())


@dataclass(frozen=True, slots=True)
class Placement:
    """Nodes that could run the slot now, best first; else why none can, and who could later."""

    ranked: tuple[str, ...]
    could: tuple[str, ...]
    reason: Wait | None = None
    text: str = ""

    def rank(self, node: str) -> int | None:
        return self.ranked.index(node) if node in self.ranked else None


def candidates(
    snapshot: Snapshot,
    names: Iterable[str],
    busy: Mapping[str, int],
    taken: Mapping[str, gpus.Holders],
    me: Inventory | None = None,
    lacks: frozenset[str] = frozenset(),
    claims: Mapping[str, capacity.Claims] | None = None,
    offered: frozenset[str] = frozenset(),
) -> tuple[Candidate, ...]:
    """`busy` counts executions and `taken` names the holders of GPUs by node, with what this round adds.

    `me` and `lacks` are what this node knows of itself, newer than what it has written.
    """
    known = standings(snapshot)
    return tuple(
        Candidate(
            me if me and me.node == name else snapshot.inventories[name],
            snapshot.nodes.get(name, NodeSettings()),
            busy.get(name, 0),
            taken.get(name, {}),
            lacks - offered if me and me.node == name else frozenset(snapshot.inventories[name].lacks),
            known[name],
            offered if me and me.node == name else frozenset(),
            (claims or {}).get(name, {}),
        )
        for name in sorted(names)
        if name in snapshot.inventories
    )


def admitted(snapshot: Snapshot) -> list[str]:
    """Nodes that may take work. Which of them are alive, only a node can tell."""
    open_to_all = snapshot.settings.join == "open"
    return [name for name in snapshot.inventories if open_to_all or name in snapshot.nodes]


def busy_counts(snapshot: Snapshot) -> dict[str, int]:
    counts: dict[str, int] = {}
    for view in open_views(snapshot):
        for execution in view.executions:
            if execution.state.active:
                counts[execution.claim.node] = counts.get(execution.claim.node, 0) + 1
    return counts


@dataclass(frozen=True, slots=True)
class Data:
    """Where the result lies that a slot builds on: the node that made it, the store and the bucket that have it."""

    node: str
    store: str = ""
    bucket: str = ""
    redo: str = field(
        default="", compare=False
    )  # what makes it anew: a project and the stage that made it, as a command takes them
    beside: tuple["Data", ...] = ()  # what it may read as well, of stages that it needs

    def lost(self, node: Candidate) -> bool:
        """Whether the node that made it has another store than the one it left it in."""
        other = bool(self.store and node.inventory.store and node.inventory.store != self.store)
        return node.name == self.node and other

    def has(self, node: Candidate) -> bool:
        here = bool(self.store) and self.store == node.inventory.store
        return here or (node.name == self.node and not self.lost(node))

    def fetches(self, node: Candidate, holder: Candidate | None) -> str:
        """From where the node can get it; nothing where it cannot."""
        if self.bucket and self.bucket == node.inventory.bucket:
            return self.bucket
        if holder is None or holder is node or self.lost(holder) or not holder.standing.answers:
            return ""
        return holder.name if holder.inventory.address and node.inventory.key else ""


def place(
    slot: Slot,
    nodes: Iterable[Candidate],
    *,
    who: Asker,
    data: Data | None,
    built: Sequence[BuiltImage] = (),
    saved: Data | None = None,
) -> Placement:
    """`built` are the images that it runs and the repository builds. `saved` is what an earlier attempt had saved: it
    goes where that can be had, if it can go there.
    """
    if missing := next((each for each in built if not each.run), None):
        return Placement((), (), Wait.IMAGE_BUILDING, missing.text)
    able, misfits, nodes = [], [], tuple(nodes)
    holder = next((node for node in nodes if data and node.name == data.node), None)
    for node in nodes:
        what = misfit(slot.stage, node, who) or _without(built, node)
        what = what or _out_of_reach(node, data, holder) or _beside(node, data, nodes)
        if what:
            misfits.append(f"{node.name}: {what}")
        else:
            able.append(node)
    able, without = _with_files(slot, able)
    if awaited := _awaited(slot, able, nodes):
        return Placement((), tuple(node.name for node in able), Wait.RESOURCES, awaited)
    if not able and data and holder and data.lost(holder) and not data.bucket:
        able = [holder] if misfit(slot.stage, holder, who) is None else []  # to fail there, and to say why
    far = frozenset(node.name for node in able if saved and not within_reach(node, saved, nodes))
    return _among(slot, able, misfits, data, holder, without, far)


def placed(snapshot: Snapshot, view: ProjectView, slot: Slot, nodes: Iterable[Candidate]) -> Placement:
    """The same, with all that the repository says."""
    data, built = data_of(snapshot, view, slot), images_of(snapshot, view.id, slot.stage)
    return place(slot, nodes, who=asker(view), data=data, built=built, saved=saved_of(snapshot, view, slot))


def saved_of(snapshot: Snapshot, view: ProjectView, slot: Slot) -> Data | None:
    """Where that lies which an earlier attempt had saved."""
    made = view.execution(slot.saved) if slot.saved else None
    files = saved_files(made) if made else None
    if made is None or files is None:
        return None
    holder = snapshot.inventories.get(made.claim.node)
    return Data(made.claim.node, files.store or (holder.store if holder else ""), files.bucket)


def within_reach(node: Candidate, data: Data, nodes: Iterable[Candidate]) -> bool:
    """Whether the node has it, or can get it."""
    holder = next((other for other in nodes if other.name == data.node), None)
    return data.has(node) or bool(data.fetches(node, holder))


def _without(built: Sequence[BuiltImage], node: Candidate) -> str | None:
    image = next((each for each in built if not each.has(node.name, node.inventory.incarnation)), None)
    if image is None:
        return None
    what = "the image" if len(built) == 1 else "one of its images"
    return f"{what} is only on {', '.join(sorted({name for name, _ in image.holders}))}: winslow.yaml has no registry"


def _beside(node: Candidate, data: Data | None, nodes: tuple[Candidate, ...]) -> str | None:
    """Why the node cannot read what another stage left that the slot needs, or None."""
    for each in data.beside if data else ():
        holder = next((other for other in nodes if other.name == each.node), None)
        if what := _out_of_reach(node, each, holder):
            return what.replace("the workspace it builds on", "a result that it needs")
    return None


def _with_files(slot: Slot, able: list[Candidate]) -> tuple[list[Candidate], str]:
    """Those whose pools have what it reads, and why not the others. If none has it, any may say so by failing."""
    lacking = {node.name: [path for path in slot.files if path in node.lacks] for node in able}
    having = [node for node in able if not lacking[node.name]]
    if not having:
        return able, ""
    return having, ", ".join(f"{name} has no {paths[0]} in its pool" for name, paths in lacking.items() if paths)


def _awaited(slot: Slot, able: list[Candidate], nodes: Iterable[Candidate]) -> str:
    """Which file none of them has, while another node may leave it in the bucket that it shares with one of them: until
    that says that it has not got the file either.
    """
    path = next((path for path in slot.single_files if able and all(path in node.lacks for node in able)), None)
    if path is None:
        return ""
    buckets = {node.inventory.bucket: node for node in able if node.inventory.bucket}
    others = [
        node for node in nodes if node.inventory.bucket in buckets and node.standing.answers and path not in node.lacks
    ]
    if not others:
        return ""
    here = buckets[others[0].inventory.bucket]
    names = ", ".join(node.name for node in others[:3])
    return (
        f"{here.name} has no {path} in its pool, and waits whether {names} can leave it in {here.inventory.bucket}; "
        f"`winslowctl files put` brings it at once"
    )


def _among(
    slot: Slot,
    able: list[Candidate],
    misfits: list[str],
    data: Data | None,
    holder: Candidate | None,
    without: str,
    far: frozenset[str],
) -> Placement:
    could = tuple(node.name for node in able)
    if not able:
        text = "; ".join(misfits) or "no node is alive"
        return Placement((), (), Wait.NO_MATCHING_NODE, f"no node can run stage {slot.stage.name!r}: {text}")
    awake = [node for node in able if node.standing.takes]
    if not awake:
        return _asleep(able, could, data, without)
    free = [node for node in awake if node.free]
    if not free:
        text = f"every slot of {', '.join(node.name for node in awake)} is taken"
        text = f"{text}; {without}" if without else text
        return Placement((), could, Wait.RESOURCES, text)
    ready = [node for node in free if node.gpus_for(slot.stage) is not None and not node.shortage(slot.stage)]
    if not ready:
        why = (f"{node.name}: {_short(slot.stage, node)}" for node in free)
        return Placement((), could, Wait.RESOURCES, "; ".join(why))
    ranked = sorted(ready, key=lambda node: (node.name in far, *_merit(slot, node, data)))
    text = ", ".join(filter(None, (_whence(ranked, data, holder), without)))
    return Placement(tuple(node.name for node in ranked), could, text=text)


def _short(stage: Stage, node: Candidate) -> str:
    enough = node.gpus_for(stage) is not None
    scarce = "" if enough else gpus.shortage(stage.resources, node.inventory.gpus, node.taken)
    return ", ".join(filter(None, (scarce, node.shortage(stage))))


_RESTS = {NodeState.IN_USE: Wait.OWNER_ACTIVE, NodeState.DRAINING: Wait.DRAINING, NodeState.FULL: Wait.RESOURCES}
"""Why nothing is taken by nodes that answer. Of any other state a person has to see to the node."""


def _asleep(able: list[Candidate], could: tuple[str, ...], data: Data | None, without: str) -> Placement:
    """None of those that could run it takes anything now."""
    resting = [node for node in able if node.standing.state in _RESTS]
    if resting:
        reason = min((_RESTS[node.standing.state] for node in resting), key=list(_RESTS.values()).index)
        return Placement((), could, reason, "; ".join(f"{node.name} could run it, but {_but(node)}" for node in able))
    told = ", ".join(f"{node.name}, {node.standing.why}" for node in able)
    if all(node.standing.state is NodeState.TOO_OLD for node in able):
        return Placement((), could, Wait.NODE_TOO_OLD, f"only on {told}")
    helps = what_helps([node.standing for node in able])
    if data and len(able) == 1 and data.node == able[0].name:
        redo = f", or redo {data.redo}" if data.redo else ""
        return Placement((), could, Wait.NODE_OFFLINE, f"its files are only on {told}; {helps}{redo}")
    lacking = f"{without}; " if without else ""
    return Placement((), could, Wait.NODE_OFFLINE, f"{lacking}only on {told}; {helps}")


def _but(node: Candidate) -> str:
    words = {
        NodeState.IN_USE: f"is in use by its owner: {node.standing.text}",
        NodeState.DRAINING: "drains",
        NodeState.FULL: f"is full: {node.standing.text}",
    }
    return words.get(node.standing.state, f"is {node.standing.why}")


def _whence(ranked: list[Candidate], data: Data | None, holder: Candidate | None) -> str:
    """How the nodes come by what the slot builds on."""
    if data is None:
        return ""
    have = [node.name for node in ranked if data.has(node)]
    told = [f"{', '.join(have)} {'has' if len(have) == 1 else 'have'} the files"] if have else []
    fetching = ((node, data.fetches(node, holder)) for node in ranked if node.name not in have)
    told += [f"{node.name} can fetch them from {source}" for node, source in fetching if source]
    return ", ".join(told) or f"{data.node} has lost them with its store"


FEW = 8
"""Records that are looked up one by one, from the newest."""


def data_of(snapshot: Snapshot, view: ProjectView, slot: Slot) -> Data | None:
    """Where the workspace lies that the slot starts from, and what it may read; None when that is nothing."""
    read = dict.fromkeys(number for numbers in slot.needs.values() for number in numbers)
    numbers = dict.fromkeys(number for number in (slot.source, *read) if number is not None)
    if len(numbers) > FEW:
        known = {each.execution: each for each in view.executions if each.execution in numbers}
        made = [known[number] for number in numbers if number in known]
    else:
        made = [each for number in numbers if (each := view.execution(number))]
    if not made:
        return None
    first, *others = (_lies(snapshot, view, each) for each in made)
    return replace(first, beside=tuple(each for each in dict.fromkeys(others) if each != first))


def _lies(snapshot: Snapshot, view: ProjectView, made: Execution) -> Data:
    node, store, bucket = _left_at(made)
    holder = snapshot.inventories.get(node)
    return Data(node, store or (holder.store if holder else ""), bucket, f"{view.id} --stage {made.stage}")


def _place_of(made: Execution) -> tuple[str, str, str]:
    """The node, the store and the bucket in which it left its result."""
    result = made.result
    return made.claim.node, (result and result.store) or "", (result and result.bucket) or ""


_left_at: KeepingMemo[Execution, tuple[str, str, str]] = KeepingMemo(_place_of, 8192)
"""Of a join of a thousand points each record would be unpacked for it, at each look at each node."""


def misfit(stage: Stage, node: Candidate, who: Asker) -> str | None:
    """Why the node can never run the stage, or None."""
    inventory = node.inventory
    wanted = stage.node.name or who.node
    if wanted and wanted != node.name:
        return f"the stage wants node {wanted}"
    if lacking := sorted(set(stage.node.labels) - node.labels):
        return f"lacks label {', '.join(lacking)}"
    if stage.limits and not inventory.limits:
        return f"its runner ({inventory.runner}) cannot limit resources"
    if loose := sorted(stage.limits & set(inventory.discards)):
        return f"its engine cannot limit {', '.join(loose)}"
    if who.project == images.PROJECT and not inventory.build:
        return "it builds no images (node --build)"
    if stage.rights != NO_RIGHTS and not inventory.isolation:
        return f"its runner ({inventory.runner}) isolates nothing, so it gives no rights of their own to stages"
    if stage.services and not inventory.services:
        return f"it runs no services beside stages (its version, its runner ({inventory.runner}), or a far engine)"
    if refused := refusal(stage, inventory.grants, who):
        return refused
    if stage.exclusive and not inventory.exclusive:
        return f"it cannot run exclusive stages (its version, its runner ({inventory.runner}), or the Git server)"
    if small := capacity.misfit(stage, inventory, node.settings):
        return small
    return gpus.misfit(stage.resources, inventory.gpus)


def _out_of_reach(node: Candidate, data: Data | None, holder: Candidate | None) -> str | None:
    """Why the node cannot read what the slot builds on, or None. Its holder, while it lives, may give it to others."""
    if data is None or data.has(node) or data.fetches(node, holder):
        return None
    if data.lost(node):
        return "the workspace it builds on was lost with its former store"
    if data.bucket:
        return f"the workspace it builds on is on {data.node} and in {data.bucket}"
    return f"the workspace it builds on is on {data.node}"


def _merit(slot: Slot, node: Candidate, data: Data | None) -> tuple[object, ...]:
    """Smaller is better."""
    preferred = bool(set(slot.stage.node.prefer) & (node.labels | {node.name}))
    wasted = len(node.inventory.gpus) > 0 and slot.stage.resources.gpus == 0
    load = node.busy / max(node.slots or int(capacity.whole(node.inventory, node.settings).cpus), 1)
    return (
        node.name in slot.shun,
        any(path in node.fetches for path in slot.files),
        not preferred,
        (not data.has(node), node.name != data.node) if data else (),
        wasted,
        node.gpus_idle(slot.stage),
        load,
        weight(node.name, repr(slot.key)),
    )


def weight(node: str, thing: str) -> str:
    """Rendezvous hashing: every node orders the nodes for a thing alike (Thaler and Ravishankar, 1998)."""
    return hashlib.blake2b(f"{node}\0{thing}".encode(), digest_size=8).hexdigest()


def steward_rank(node: str, live: Iterable[str], thing: str) -> int:
    """0 for the node that should see to the thing first."""
    return sorted(live, key=lambda name: weight(name, thing)).index(node)


def patience(rank: int, poll: float) -> float:
    """Connected seconds that a node of this rank waits before it tries."""
    return min(rank, DELAY_RANKS) * 2 * poll
