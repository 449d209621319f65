"""Which GPUs of a node are free, which fit a stage, and which of those it gets. Pure.

A GPU is taken by the execution whose active record names it. On its own node it is taken as well by every container
and journal entry that may still use it, whatever the records say: a container can outlive its record by a grace, a
partition or a crash.

A stage has its GPUs for itself, unless it asks for a share of their memory: then it stands beside others that do, as
far as their shares add up to what there is. The two never meet on one GPU.
"""

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase

from flow.model.snapshot import ProjectView, Snapshot
from flow.node.node_world import ObservedContainer, World
from flow.project.active import open_views
from schema.constraints import fits_size, fits_version
from schema.execution import Execution
from schema.node import Health, Inventory, NodeGpu
from schema.pipeline import GpuRequirement as Wanted
from schema.pipeline import Resources
from schema.quantities import readable_size

Holding = Mapping[str, int]
"""Who holds a GPU, and how many bytes of its memory. `WHOLE`: all of it, and alone."""
Holders = Mapping[str, Holding]
"""By the GPU's id."""

WHOLE = 0
GIB = 2**30


def holders(snapshot: Snapshot) -> dict[str, dict[str, dict[str, int]]]:
    """By node, as the records tell it."""
    return holders_in(open_views(snapshot))


def holders_in(views: Iterable[ProjectView]) -> dict[str, dict[str, dict[str, int]]]:
    found: dict[str, dict[str, dict[str, int]]] = {}
    for view in views:
        for record in view.executions:
            if record.state.active and record.gpus:  # in this order: what has ended is packed
                held = found.setdefault(record.claim.node, {})
                hold(held, record.gpus, f"{view.id}/{record.execution}", share_of(record))
    return found


def share_of(record: Execution) -> int | None:
    return record.asked.gpu_share if record.asked else None


def hold(held: dict[str, dict[str, int]], gpus: Iterable[str], who: str, share: int | None) -> None:
    for gpu in gpus:
        held.setdefault(gpu, {})[who] = share or WHOLE


def merged(one: Holders, other: Holders) -> dict[str, dict[str, int]]:
    """Who stands in both is counted once."""
    return {gpu: {**one.get(gpu, {}), **other.get(gpu, {})} for gpu in {**one, **other}}


def held_here(world: World) -> dict[str, dict[str, int]]:
    """What this node's own entries and containers may use, with and without a record."""
    held: dict[str, dict[str, int]] = {}
    for container, sight in world.containers.items():
        if not sight.exited and container not in world.entries:
            hold(held, sight.gpus, f"container {container[:8]}", sight.gpu_share)
    for container, entry in world.entries.items():
        order = entry.order
        if entry.phase != "sent" and not over(world, container):  # of one that landed, its record tells
            hold(held, order.gpus, f"{order.project}/{order.execution}", order.gpu_share)
    return held


def over(world: World, container: str) -> bool:
    """Whether the container of an entry uses nothing any more."""
    sight = world.containers.get(container)
    if sight and sight.running:
        return False
    return bool(sight and sight.exited) or container in world.outbox


def in_use(world: World) -> dict[str, dict[str, int]]:
    """What a container of this node is using now, or is just being started with."""
    used: dict[str, dict[str, int]] = {}
    for container, sight in world.containers.items():
        if sight.running:
            hold(used, sight.gpus, container, sight.gpu_share)
    for container in world.busy:
        if container in world.entries:
            order = world.entries[container].order
            hold(used, order.gpus, container, order.gpu_share)
    return used


def free_again(world: World, record: Execution) -> bool:
    """Whether a claim of this node that nothing runs of may have its GPUs once more, beside what uses them now."""
    used, share = in_use(world), share_of(record)
    memory = {gpu.uuid: gpu.memory for gpu in world.me.inventory.gpus}
    return all(_beside(memory.get(gpu, 0), used.get(gpu, {}), share) for gpu in record.gpus)


def _beside(memory: int, held: Holding, share: int | None) -> bool:
    """Whether somebody may have so much of a GPU as well. Who has it whole is alone on it."""
    if not share:
        return not held
    return all(held.values()) and (not held or sum(held.values()) + share <= memory)


def beyond_share(sight: ObservedContainer) -> str:
    """By how much a stage was seen to use more of a GPU than its share; nothing where it keeps to that."""
    share = sight.gpu_share
    for gpu, used in sight.gpu_memory.items():
        if share and used > share:
            return f"it used {readable_size(used)} of {short(gpu)}, and its share is {readable_size(share)}"
    return ""


def choose(resources: Resources, gpus: Sequence[NodeGpu], taken: Holders) -> tuple[NodeGpu, ...] | None:
    """The smallest that suffice, so that big ones stay free; several of one model, if there are. None: too few.

    Of those that are shared already the fullest that suffice, so that others stay whole.
    """
    free = [gpu for gpu in suited(resources, gpus) if gpu.health is Health.OK and _free(gpu, taken, resources)]
    free.sort(key=lambda gpu: (left_idle(gpu, taken, resources), gpu.model, gpu.uuid))
    alike = ([gpu for gpu in free if gpu.model == model] for model in dict.fromkeys(gpu.model for gpu in free))
    best = next((group for group in alike if len(group) >= resources.gpus), free)[: resources.gpus]
    return tuple(best) if len(best) == resources.gpus else None


def _free(gpu: NodeGpu, taken: Holders, resources: Resources) -> bool:
    return _beside(gpu.memory, taken.get(gpu.uuid, {}), resources.gpu_share)


def left_idle(gpu: NodeGpu, taken: Holders, resources: Resources) -> int:
    """Bytes of which nobody has anything once the stage is there; of one that becomes a shared one, twice as many."""
    if resources.gpu_share is None:
        return gpu.memory
    held = taken.get(gpu.uuid, {})
    left = gpu.memory - sum(held.values()) - resources.gpu_share
    return left if held else left + gpu.memory


def suited(resources: Resources, gpus: Sequence[NodeGpu]) -> list[NodeGpu]:
    """Those that the stage can use at all. CUDA gives a program one instance (MIG), so several are several cards."""
    found = fitting(resources.gpu, gpus)
    if resources.gpus > 1:
        found = [gpu for gpu in found if not gpu.part_of]
    if resources.gpu_share is not None:
        found = [gpu for gpu in found if gpu.watched]
    return found


def misfit(resources: Resources, gpus: Sequence[NodeGpu]) -> str | None:
    """Why a node with these GPUs can never run the stage, or None."""
    found = suited(resources, gpus)
    alive = [gpu for gpu in found if gpu.health is not Health.LOST]
    if len(alive) >= resources.gpus:
        return None
    if unwatched := [gpu for gpu in fitting(resources.gpu, gpus) if resources.gpu_share and not gpu.watched]:
        return f"shares no GPU: how much each stage uses of {short(unwatched[0].uuid)} cannot be watched ({WHY_NOT})"
    what = f" with {_words(resources.gpu)}" if resources.gpu and _words(resources.gpu) else ""
    have = f"has only {_count(len(found))}{what}" if found else f"has no GPU{what if gpus else ''}"
    if len(fitting(resources.gpu, gpus)) > len(found):
        have += " but instances (MIG), of which a stage gets one"
    lost = [f"{short(gpu.uuid)} is lost" for gpu in found if gpu.health is Health.LOST]
    return ", ".join(lost if len(found) >= resources.gpus else [have, *lost])


WHY_NOT = "its version, its runner, its driver, or a controller in a container without the machine's processes"


def shortage(resources: Resources, gpus: Sequence[NodeGpu], taken: Holders) -> str:
    """Who has the GPUs that the stage waits for."""
    why = (occupied(gpu, taken, resources.gpu_share) for gpu in suited(resources, gpus))
    return ", ".join(filter(None, why))


def occupied(gpu: NodeGpu, taken: Holders, share: int | None = None) -> str:
    """Why it is not free, or an empty text."""
    held = taken.get(gpu.uuid, {})
    if held and not _beside(gpu.memory, held, share):
        return f"{short(gpu.uuid)} is taken by {told(held)}{_room(gpu, held, share)}"
    words = {
        Health.BUSY: "is used by other programs",
        Health.LOST: "is lost",
        Health.UNKNOWN: "is in an unknown state: its driver does not answer",
    }
    return f"{short(gpu.uuid)} {words[gpu.health]}" if gpu.health in words else ""


def told(held: Holding) -> str:
    """Who has a GPU, and how much of it where that is not all."""
    return ", ".join(f"{who} ({readable_size(share)})" if share else who for who, share in held.items())


def _room(gpu: NodeGpu, held: Holding, share: int | None) -> str:
    if not share or not all(held.values()):
        return ""
    left = readable_size(max(gpu.memory - sum(held.values()), 0))
    return f", {left} of {readable_size(gpu.memory)} left, {readable_size(share)} wanted"


def published(seen: Iterable[NodeGpu], held: Iterable[str], others: Iterable[str] = ()) -> tuple[NodeGpu, ...]:
    """What the node says of its GPUs: that its own stages use them is no fault of theirs. `others`: those on which
    programs were seen that are not of its stages.
    """
    own = frozenset(held) - frozenset(others)
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
        and (wanted.share is None or wanted.share <= gpu.memory)
    )


def _words(wanted: Wanted) -> str:
    """`share` as it is written in a pipeline."""
    given = wanted.model_dump(exclude_none=True)
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in given.items())


def _count(number: int) -> str:
    return "1 GPU" if number == 1 else f"{number} GPUs"
