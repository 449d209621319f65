"""Which GPUs of a node are free, which fit a stage, and which of those it gets. Pure.

A GPU is taken by the execution whose active record names it. On its own node it is taken as well by every container
and journal entry that may still use it, whatever the records say: a container can outlive its record by a grace, a
partition or a crash.
"""

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase

from flow.model.snapshot import ProjectView, Snapshot
from flow.node.node_world import World
from flow.project.active import open_views
from schema.constraints import fits_size, fits_version
from schema.node import Health, Inventory, NodeGpu
from schema.pipeline import GpuRequirement as Wanted
from schema.pipeline import Resources

Holders = Mapping[str, str]
"""Who holds a GPU, by the GPU's id."""

GIB = 2**30


def holders(snapshot: Snapshot) -> dict[str, dict[str, str]]:
    """By node, as the records tell it."""
    return holders_in(open_views(snapshot))


def holders_in(views: Iterable[ProjectView]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for view in views:
        for record in view.executions:
            if record.state.active and record.gpus:  # in this order: what has ended is packed
                who = f"{view.id}/{record.execution}"
                found.setdefault(record.claim.node, {}).update(dict.fromkeys(record.gpus, who))
    return found


def held_here(world: World) -> dict[str, str]:
    """What this node's own entries and containers may use, with and without a record."""
    held: dict[str, str] = {}
    for container, sight in world.containers.items():
        if not sight.exited and container not in world.entries:
            held |= dict.fromkeys(sight.gpus, f"container {container[:8]}")
    for container, entry in world.entries.items():
        if entry.phase != "sent" and not over(world, container):  # of one that landed, its record tells
            held |= dict.fromkeys(entry.order.gpus, f"{entry.order.project}/{entry.order.execution}")
    return held


def over(world: World, container: str) -> bool:
    """Whether the container of an entry uses nothing any more."""
    sight = world.containers.get(container)
    if sight and sight.running:
        return False
    return bool(sight and sight.exited) or container in world.outbox


def in_use(world: World) -> frozenset[str]:
    """What a container of this node is using now, or is just being started with."""
    running = (id for sight in world.containers.values() if sight.running for id in sight.gpus)
    starting = (id for name in world.busy if name in world.entries for id in world.entries[name].order.gpus)
    return frozenset(running) | frozenset(starting)


def choose(resources: Resources, gpus: Sequence[NodeGpu], taken: Holders) -> tuple[NodeGpu, ...] | None:
    """The smallest that suffice, so that big ones stay free; several of one model, if there are. None: too few."""
    free = [gpu for gpu in fitting(resources.gpu, gpus) if gpu.health is Health.OK and gpu.uuid not in taken]
    free.sort(key=lambda gpu: (gpu.memory, gpu.model, gpu.uuid))
    alike = ([gpu for gpu in free if gpu.model == model] for model in dict.fromkeys(gpu.model for gpu in free))
    best = next((group for group in alike if len(group) >= resources.gpus), free)[: resources.gpus]
    return tuple(best) if len(best) == resources.gpus else None


def misfit(resources: Resources, gpus: Sequence[NodeGpu]) -> str | None:
    """Why a node with these GPUs can never run the stage, or None."""
    suited = fitting(resources.gpu, gpus)
    alive = [gpu for gpu in suited if gpu.health is not Health.LOST]
    if len(alive) >= resources.gpus:
        return None
    what = f" with {_words(resources.gpu)}" if resources.gpu and _words(resources.gpu) else ""
    have = f"has only {_count(len(suited))}{what}" if suited else f"has no GPU{what if gpus else ''}"
    lost = [f"{short(gpu.uuid)} is lost" for gpu in suited if gpu.health is Health.LOST]
    return ", ".join(lost if len(suited) >= resources.gpus else [have, *lost])


def shortage(resources: Resources, gpus: Sequence[NodeGpu], taken: Holders) -> str:
    """Who has the GPUs that the stage waits for."""
    return ", ".join(filter(None, (occupied(gpu, taken) for gpu in fitting(resources.gpu, gpus))))


def occupied(gpu: NodeGpu, taken: Holders) -> str:
    """Why it is not free, or an empty text."""
    if gpu.uuid in taken:
        return f"{short(gpu.uuid)} is taken by {taken[gpu.uuid]}"
    words = {
        Health.BUSY: "is used by other programs",
        Health.LOST: "is lost",
        Health.UNKNOWN: "is in an unknown state: its driver does not answer",
    }
    return f"{short(gpu.uuid)} {words[gpu.health]}" if gpu.health in words else ""


def published(seen: Iterable[NodeGpu], held: Iterable[str]) -> tuple[NodeGpu, ...]:
    """What the node says of its GPUs: that its own stages use them is no fault of theirs."""
    own = frozenset(held)
    return tuple(
        gpu.model_copy(update={"health": Health.OK}) if gpu.health is Health.BUSY and gpu.uuid in own else gpu
        for gpu in seen
    )


def remembered(seen: Sequence[NodeGpu], before: Inventory | None) -> tuple[NodeGpu, ...]:
    """While a driver does not answer, the GPUs that it showed before a restart are not gone."""
    known = {gpu.uuid for gpu in seen}
    unseen = (gpu for gpu in (before.gpus if before else ()) if gpu.uuid not in known)
    return (*seen, *(gpu.model_copy(update={"health": Health.UNKNOWN}) for gpu in unseen))


def differ_in_use_only(before: Inventory, now: Inventory) -> bool:
    """Whether nothing is new but who uses a GPU."""
    one, other = (
        inventory.model_copy(update={"gpus": published(inventory.gpus, [gpu.uuid for gpu in inventory.gpus])})
        for inventory in (before, now)
    )
    return one == other


def news(before: Iterable[NodeGpu], now: Iterable[NodeGpu]) -> str:
    known = {gpu.uuid: gpu.health for gpu in before}
    return ", ".join(
        f"{short(gpu.uuid)} is {gpu.health}" for gpu in now if known.get(gpu.uuid, gpu.health) != gpu.health
    )


def short(uuid: str) -> str:
    return uuid if len(uuid) <= 14 else f"{uuid[:12]}…"


def fitting(wanted: Wanted | None, gpus: Sequence[NodeGpu]) -> list[NodeGpu]:
    return [gpu for gpu in gpus if wanted is None or _fits(wanted, gpu)]


def _fits(wanted: Wanted, gpu: NodeGpu) -> bool:
    """Memory counts in whole GiB, rounded up: a driver keeps some of what a card is sold with for itself."""
    nominal = -(-gpu.memory // GIB) * GIB
    return (
        (wanted.model is None or fnmatchcase(gpu.model.lower(), wanted.model.lower()))
        and (wanted.memory is None or fits_size(wanted.memory, nominal))
        and (wanted.driver is None or fits_version(wanted.driver, gpu.driver))
        and (wanted.compute_capability is None or fits_version(wanted.compute_capability, gpu.compute_capability))
    )


def _words(wanted: Wanted) -> str:
    given = wanted.model_dump(exclude_none=True)
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in given.items())


def _count(number: int) -> str:
    return "1 GPU" if number == 1 else f"{number} GPUs"
