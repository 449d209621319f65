"""How much of a node is spoken for, and whether a stage still fits. Pure.

A stage has what its `resources` name. One that names nothing is reckoned with a modest share (`share`), so that a node
of several slots runs as many silent stages as it has slots. A node has what its machine has, less what its owner
reserves; more than that only where the node's settings say so.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields

from flow.model.snapshot import ProjectView
from flow.node.node_world import World
from flow.placement.gpus import over
from schema.execution import AskedRecord, Execution
from schema.node import Inventory, NodeSettings
from schema.pipeline import Stage
from schema.quantities import readable_size
from schema.services import share_of

GIB = 2**30
Claims = Mapping[tuple[str, int], AskedRecord]
"""What each active execution of a node asked for, by project and number."""


@dataclass(frozen=True, slots=True)
class Amounts:
    """Of cores, and bytes of memory, shared memory and disk."""

    cpus: float = 0.0
    memory: float = 0.0
    shm: float = 0.0
    disk: float = 0.0

    def __add__(self, other: "Amounts") -> "Amounts":
        return Amounts(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(self)))


NOTHING = AskedRecord()


def asked(stage: Stage) -> AskedRecord:
    """What a stage names of its resources, as it is recorded."""
    has = stage.resources
    share = stage.services_share
    return AskedRecord(
        cpus=has.cpus,
        memory=has.memory,
        shm=has.shm_size,
        disk=has.disk,
        services=share,
        gpu_share=has.gpu_share,
    )


def slots(inventory: Inventory, settings: NodeSettings) -> int | None:
    """How many stages at once; None where it is as many as fit."""
    wanted = settings.slots
    if wanted == "auto" or (wanted is None and inventory.auto):
        return None
    return inventory.slots if wanted is None else wanted


def whole(inventory: Inventory, settings: NodeSettings) -> Amounts:
    """What stages may have of the node. What a node does not know of itself is no limit."""
    reserve, over_commit = settings.reserve, settings.overcommit
    memory = _less(inventory.memory, reserve.memory) * over_commit.memory
    return Amounts(
        cpus=max(inventory.cpus - reserve.cpus, 0.0) * over_commit.cpus,
        memory=memory,
        shm=memory,
        disk=_less(inventory.disk, reserve.disk),
    )


def _less(has: int, reserved: int) -> float:
    return max(has - reserved, 0) if has else float("inf")


def share(inventory: Inventory, settings: NodeSettings) -> Amounts:
    """What is reckoned of a stage that names nothing: a core and a GiB, or less where the slots are many."""
    all_of_it = whole(inventory, settings)
    among = slots(inventory, settings)
    many = max(1, int(all_of_it.cpus) if among is None else among)
    return Amounts(cpus=min(1.0, all_of_it.cpus / many), memory=min(float(GIB), all_of_it.memory / many))


def reckoned(wanted: AskedRecord, modest: Amounts) -> Amounts:
    own = Amounts(
        cpus=modest.cpus if wanted.cpus is None else wanted.cpus,
        memory=modest.memory if wanted.memory is None else wanted.memory,
        shm=wanted.shm or 0.0,
        disk=wanted.disk or 0.0,
    )
    beside = wanted.services
    return own + Amounts(cpus=beside.cpus, memory=beside.memory, shm=beside.shm) if beside else own


def shortage(stage: Stage, inventory: Inventory, settings: NodeSettings, claims: Claims) -> str:
    """Which resource is short for the stage beside what runs there; nothing where it fits."""
    modest, room = share(inventory, settings), whole(inventory, settings)
    used = Amounts()
    for each in claims.values():
        used = used + reckoned(each, modest)
    wanted = reckoned(asked(stage), modest)
    told = (
        _short("cores", wanted.cpus, room.cpus, used.cpus, _count),
        _short("memory", wanted.memory, room.memory, used.memory, readable_size),
        _short("shared memory", wanted.shm, room.shm, used.shm, readable_size),
        _short("disk", wanted.disk, room.disk, used.disk, readable_size),
    )
    return ", ".join(filter(None, told))


def crowded(other: Stage, big: Stage, inventory: Inventory, settings: NodeSettings, claims: Claims) -> bool:
    """Whether `other` would take of something that does not suffice for it and `big` beside what runs there."""
    modest, room = share(inventory, settings), whole(inventory, settings)
    more = reckoned(asked(other), modest)
    used = reckoned(asked(big), modest) + more
    for each in claims.values():
        used = used + reckoned(each, modest)
    names = [each.name for each in fields(Amounts)]
    return any(getattr(more, name) and getattr(used, name) > getattr(room, name) * (1 + 1e-9) for name in names)


def _short(name: str, wanted: float, room: float, used: float, words: Callable[[float], str]) -> str:
    if used + wanted <= room * (1 + 1e-9):
        return ""
    return f"{words(wanted)} {name} wanted, {words(max(room - used, 0.0))} of {words(room)} free"


def _count(value: float) -> str:
    return f"{value:.2g}" if value % 1 else f"{value:.0f}"


def misfit(stage: Stage, inventory: Inventory, settings: NodeSettings) -> str | None:
    """Which resource the node never has enough of, or None."""
    room = whole(inventory, settings)
    wants = reckoned(asked(stage), Amounts())
    kept = " that are not reserved" if settings.reserve.cpus else ""
    if wants.cpus > room.cpus:
        return f"has {_count(room.cpus)} cores{kept}" + (" for it and its services" if stage.services else "")
    if wants.memory > room.memory:
        return "has too little memory" + (" that is not reserved" if settings.reserve.memory else "")
    if wants.shm > room.shm:
        return "has too little memory for its shared memory"
    if wants.disk > room.disk:
        return "has too small a disk" + (" that is not reserved" if settings.reserve.disk else "")
    return None


def claimed(views: Iterable[ProjectView]) -> dict[str, dict[tuple[str, int], AskedRecord]]:
    """By node, what its active executions asked for."""
    found: dict[str, dict[tuple[str, int], AskedRecord]] = {}
    for view in views:
        for record in view.executions:
            if record.state.active:
                found.setdefault(record.claim.node, {})[view.id, record.execution] = _of(view, record)
    return found


def held_here(world: World) -> dict[tuple[str, int], AskedRecord]:
    """What this node's own entries may still use, whatever the records say."""
    return {
        (entry.order.project, entry.order.execution): AskedRecord(
            cpus=entry.order.cpus,
            memory=entry.order.memory,
            shm=entry.order.shm_size,
            disk=entry.order.disk,
            services=share_of(entry.order.services),
        )
        for container, entry in world.entries.items()
        if not over(world, container)
    }


def _of(view: ProjectView, record: Execution) -> AskedRecord:
    """An older version did not record it: then what its stage is defined to have."""
    if record.asked is not None:
        return record.asked
    stage = view.definition.stage(record.stage) if view.definition else None
    return asked(stage) if stage else NOTHING
