"""How much of a shared GPU's memory each stage of a node uses, from what its driver says of programs. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

Programs = Mapping[str, Mapping[int, int | None]]
"""By id of the GPU and number of the process: bytes; None for those of which that is not told."""


@dataclass(frozen=True, slots=True)
class Sharing:
    """What a running container was given: its GPUs, and its bytes of each."""

    gpus: tuple[str, ...]
    share: int


@dataclass(frozen=True, slots=True)
class GpuUse:
    """`memory`: bytes by container and GPU. `others`: GPUs on which programs compute that are of none of them."""

    memory: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    others: frozenset[str] = frozenset()


NOBODY = GpuUse()


def use_of(programs: Programs, sharing: Mapping[str, Sharing], holds: Callable[[str, int], bool]) -> GpuUse:
    """`holds`: whether a process is one of a container's."""
    memory: dict[str, dict[str, int]] = {}
    others = set()
    for gpu, found in programs.items():
        beside = [id for id, each in sharing.items() if gpu in each.gpus]
        for process, used in found.items():
            whose = next((id for id in beside if holds(id, process)), None)
            if whose is None:
                others.add(gpu)
            else:
                held = memory.setdefault(whose, {})
                held[gpu] = held.get(gpu, 0) + (used or 0)
    return GpuUse(memory, frozenset(others))


def beyond(use: GpuUse, sharing: Mapping[str, Sharing]) -> bool:
    """Whether any of them uses more than its share."""
    return any(used > sharing[id].share for id, gpus in use.memory.items() for used in gpus.values())
