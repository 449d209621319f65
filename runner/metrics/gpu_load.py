"""What the machine's GPUs do at this moment, asked of NVML where `runner.gpus` found it."""

import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from runner.gpus import Gpus, Nvml

LIMIT = 2.0
"""Seconds after which a look is given up: NVML can wait for a broken driver for ever."""

Loads = Mapping[str, Mapping[str, float]]
"""By UUID: percent of time used, percent of memory used, °C."""


class GpuLoads:
    def __init__(self, gpus: Gpus, limit: float = LIMIT) -> None:
        self.gpus, self.limit = gpus, limit
        self._asking: threading.Thread | None = None

    def look(self) -> Loads:
        """Nothing where there is no driver, or while it does not answer."""
        if not isinstance(self.gpus, Nvml) or (self._asking and self._asking.is_alive()):
            return {}
        nvml, uuids, answer = self.gpus.nvml, [gpu.uuid for gpu in self.gpus.look()], dict[str, Mapping[str, float]]()
        if not uuids:
            return {}
        self._asking = threading.Thread(target=_ask, args=(nvml, uuids, answer), name="nvml-load", daemon=True)
        self._asking.start()
        self._asking.join(self.limit)
        return dict(answer)


def _ask(nvml: Any, uuids: list[str], answer: dict[str, Mapping[str, float]]) -> None:
    """In a session of its own: NVML counts them, and `runner.gpus` ends its own whenever a GPU is lost."""
    try:
        nvml.nvmlInit()
    except Exception:  # whatever a driver and its bindings come up with: it says nothing now
        return
    try:
        for uuid in uuids:
            try:
                answer[uuid] = _one(nvml, nvml.nvmlDeviceGetHandleByUUID(uuid))
            except Exception:  # the others may still answer
                continue
    finally:
        with suppress(nvml.NVMLError):
            nvml.nvmlShutdown()


def _one(nvml: Any, handle: Any) -> dict[str, float]:
    found: dict[str, float] = {}
    try:
        found["use"] = float(nvml.nvmlDeviceGetUtilizationRates(handle).gpu)
    except nvml.NVMLError:
        pass  # some virtual GPUs do not tell
    memory = nvml.nvmlDeviceGetMemoryInfo(handle)
    found["memory"] = 100 * memory.used / memory.total if memory.total else 0.0
    try:
        found["temperature"] = float(nvml.nvmlDeviceGetTemperature(handle, nvml.NVML_TEMPERATURE_GPU))
    except nvml.NVMLError:
        pass
    return found
