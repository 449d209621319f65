"""All nodes as they are known here: what they have, what they run and do, and whether they take work."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from flow.model.snapshot import Snapshot
from flow.node.node_states import NodeStanding, NodeState, standing
from flow.placement.capacity import slots
from flow.project.active import open_views
from runner.metrics import load
from schema.execution import Execution
from schema.node import Heartbeat, Inventory, NodeGpu, NodeSettings
from webui.source.fleet import Fleet
from webui.source.view_source import Look


@dataclass(frozen=True, slots=True)
class NodeRow:
    """A node on one line. `load` is what it said last; of this machine's, what was measured last."""

    name: str
    inventory: Inventory | None
    silence: float | None
    drain: bool
    gives_back: bool
    halted: str | None
    runs: tuple[tuple[str, Execution], ...]
    load: Mapping[str, float]
    standing: NodeStanding
    slots: int | None  # stages at once; None: as many as fit
    here: bool = False

    @property
    def silent(self) -> bool:
        return not self.standing.answers

    @property
    def gpus(self) -> list[tuple[NodeGpu, dict[str, float]]]:
        """Each with what it does, as far as that is known."""
        return [(gpu, of_gpu(self.load, gpu.uuid)) for gpu in (self.inventory.gpus if self.inventory else ())]


def of_gpu(said: Mapping[str, float], uuid: str) -> dict[str, float]:
    prefix = f"gpu.{uuid}."
    return {name.removeprefix(prefix): value for name, value in said.items() if name.startswith(prefix)}


def all_nodes(look: Look, fleet: Fleet | None, data: Path | None) -> list[NodeRow]:
    """Those that have joined and those that people named, by name. `data` is the directory of the node here."""
    found = look.snapshot
    names = sorted({*found.inventories, *found.nodes})
    beats = fleet.known(names) if fleet else {}
    runs = _runs(found)
    return [_node(look, data, name, beats.get(name), runs.get(name, ())) for name in names]


def _runs(snapshot: Snapshot) -> dict[str, tuple[tuple[str, Execution], ...]]:
    found: dict[str, tuple[tuple[str, Execution], ...]] = {}
    for view in open_views(snapshot):
        for record in view.executions:
            if record.state.active:
                found[record.claim.node] = (*found.get(record.claim.node, ()), (view.id, record))
    return found


def _node(
    look: Look, data: Path | None, name: str, beat: Heartbeat | None, runs: tuple[tuple[str, Execution], ...]
) -> NodeRow:
    snapshot, here = look.snapshot, name == look.node
    inventory = snapshot.inventories.get(name)
    own = _newest(data, inventory) if here and data else {}
    return NodeRow(
        name, inventory, look.silence.get(name), name in snapshot.nodes and snapshot.nodes[name].drain,
        name in snapshot.nodes and snapshot.nodes[name].gives_back is not None,
        look.halted if here else beat.halted if beat else None, runs, own or (beat.load if beat else {}),
        _standing(snapshot, name, beat), slots(inventory, snapshot.nodes.get(name, NodeSettings())) if inventory else 0,
        here,
    )  # fmt: skip


def _standing(snapshot: Snapshot, name: str, beat: Heartbeat | None) -> NodeStanding:
    """What every surface says; a halt that no other node has written down yet is known from its heartbeat."""
    found = standing(snapshot, name)
    if beat and beat.halted and found.answers:
        return NodeStanding(name, NodeState.HALTED, beat.halted)
    return found


def _newest(data: Path, inventory: Inventory | None) -> dict[str, float]:
    found = load.machine(data).newest()
    for gpu in inventory.gpus if inventory else ():
        found |= {f"gpu.{gpu.uuid}.{name}": value for name, value in load.gpu(data, gpu.uuid).newest().items()}
    return found
