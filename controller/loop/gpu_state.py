"""The GPUs of this node as a round sees them: what the driver says, and what its own stages hold."""

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from flow.node.gpu_use import NOBODY, GpuUse
from flow.node.node_world import World
from flow.placement.gpus import held_here, published, remembered
from runner.gpus import Gpus


class GpuReading(Protocol):
    def __call__(self, *, fresh: bool = False) -> GpuUse: ...


def nobody(*, fresh: bool = False) -> GpuUse:
    return NOBODY


class GpuState:
    def __init__(self, gpus: Gpus, say: Callable[[str], None], use: GpuReading = nobody) -> None:
        self.gpus, self.say, self.use = gpus, say, use
        self._held: frozenset[str] = frozenset()  # by this node's own stages at the last look
        self._said = ""

    def seen(self, world: World, *, fresh: bool = False) -> World:
        """The world with this node's GPUs in its inventory.

        Looked at anew as well when a stage got or gave back a GPU: whether others use it is known only then.
        """
        held = held_here(world)
        gpus = self.gpus.look(fresh=fresh or held.keys() != self._held)
        self._held = frozenset(held)
        if not self.gpus.certain and world.snapshot:
            gpus = remembered(gpus, world.snapshot.inventories.get(world.me.node))
        self._tell()
        inventory = world.me.inventory.model_copy(update={"gpus": published(gpus, held, self.use(fresh=fresh).others)})
        return replace(world, me=replace(world.me, inventory=inventory))

    def _tell(self) -> None:
        text = "" if self.gpus.certain else f"GPUs {self.gpus.text}"
        if text and text != self._said:
            self.say(text)
        self._said = text
