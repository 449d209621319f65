"""Looks how much of a shared GPU each stage uses, in a thread of its own, while there is such a stage."""

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from flow.node.gpu_use import NOBODY, GpuUse, Programs, Sharing, beyond, use_of

EVERY = 2.0
"""Seconds between two looks."""


class ProgramReadings(Protocol):
    def look(self, uuids: Sequence[str]) -> Programs: ...


class ShareWatch:
    """`sharing`: the running containers that share GPUs. `holds`: whether a process is one of a container's."""

    def __init__(
        self,
        programs: ProgramReadings,
        holds: Callable[[str, int], bool],
        wake: Callable[[], None],
        sharing: Callable[[], Mapping[str, Sharing]] = dict,
    ) -> None:
        self.programs, self.holds, self.wake, self.sharing = programs, holds, wake, sharing
        self._one_at_a_time = threading.Lock()
        self._now = NOBODY

    def use(self, *, fresh: bool = False) -> GpuUse:
        """What was seen last; `fresh`: what is seen at this moment."""
        if fresh:
            self.sample()
        return self._now

    def sample(self) -> None:
        """A node whose stages go beyond what they may is woken: it ends them without waiting for its next round."""
        with self._one_at_a_time:
            sharing = self.sharing()
            uuids = sorted({gpu for each in sharing.values() for gpu in each.gpus})
            self._now = use_of(self.programs.look(uuids), sharing, self.holds) if uuids else NOBODY
        if beyond(self._now, sharing):
            self.wake()
