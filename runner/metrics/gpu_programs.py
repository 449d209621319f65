"""Which programs compute on each GPU, and how much of its memory each has, asked of NVML where there is one."""

import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from flow.node.gpu_use import Programs
from runner.gpus import Gpus, Nvml, computing
from runner.metrics.gpu_load import LIMIT


class GpuPrograms:
    def __init__(self, gpus: Gpus, limit: float = LIMIT) -> None:
        self.gpus, self.limit = gpus, limit
        self._asking: threading.Thread | None = None

    def look(self, uuids: Sequence[str]) -> Programs:
        """Those of these GPUs that answer; nothing where there is no driver, or while it does not answer."""
        if not uuids or not isinstance(self.gpus, Nvml) or (self._asking and self._asking.is_alive()):
            return {}
        answer: dict[str, Mapping[int, int | None]] = {}
        self._asking = threading.Thread(target=_ask, args=(self.gpus.nvml, uuids, answer), name="nvml-use", daemon=True)
        self._asking.start()
        self._asking.join(self.limit)
        return {} if self._asking.is_alive() else answer


def _ask(nvml: Any, uuids: Sequence[str], answer: dict[str, Mapping[int, int | None]]) -> None:
    """In a session of its own, like `runner.metrics.gpu_load`."""
    try:
        nvml.nvmlInit()
    except Exception:  # whatever a driver and its bindings come up with: it says nothing now
        return
    try:
        for uuid in uuids:
            with suppress(Exception):  # the others may still answer
                found = computing(nvml, nvml.nvmlDeviceGetHandleByUUID(uuid))
                if found is not None:
                    answer[uuid] = found
    finally:
        with suppress(nvml.NVMLError):
            nvml.nvmlShutdown()
