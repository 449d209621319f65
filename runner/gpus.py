"""The machine's GPUs, as NVIDIA's library (NVML) finds them. Where there is no driver, nothing is loaded.

`look` is for every round: it asks NVML at a slow pace, or when `fresh`, and never waits longer than a limit. A GPU seen
once and not found again, or one that answers with errors only, is lost. While NVML does not answer, the state of every
GPU is unknown. `busy` means that programs compute on a GPU; whose they are, NVML does not know.

A GPU that is cut into instances (MIG) is not given; each instance is a device of its own, with an id of its own.
"""

import ctypes
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any, Protocol

from runner import extras
from schema.node import Health, NodeGpu

PACE = 30.0
LIMIT = 5.0
"""Seconds: between two looks, and after which a look is given up."""
LIBRARY = "libnvidia-ml.so.1"
LOST = ("GpuIsLost", "ResetRequired", "NotFound", "GpuNotFound", "IrqIssue", "Unknown")
"""NVML's errors of a device that cannot be used."""
HOST_PROCESSES = 0xEFFFFFFC
"""The kernel's number of the machine's own table of processes; of a container's own it is another one."""
PROCESSES = ("nvmlDeviceGetComputeRunningProcesses_v3", "nvmlDeviceGetComputeRunningProcesses_v2")
"""By their versions: the plain name raises what is no NVMLError where the driver is older than pynvml."""


class Gpus(Protocol):
    @property
    def text(self) -> str:
        """What was found, in words, or why nothing."""
        ...

    @property
    def certain(self) -> bool:
        """Whether the last look was answered, so that a GPU which was not in it is not there."""
        ...

    def look(self, *, fresh: bool = False) -> tuple[NodeGpu, ...]: ...


class NoGpus:
    def __init__(self, text: str = "none: no NVIDIA driver on this machine", *, certain: bool = True) -> None:
        self.text, self.certain = text, certain

    def look(self, *, fresh: bool = False) -> tuple[NodeGpu, ...]:
        return ()


class FixedGpus:
    """GPUs of machines that somebody else looks after."""

    def __init__(self, gpus: Sequence[NodeGpu]) -> None:
        self.text, self.certain, self._gpus = f"{len(gpus)} that a cluster gives", True, tuple(gpus)

    def look(self, *, fresh: bool = False) -> tuple[NodeGpu, ...]:
        return self._gpus


def find() -> Gpus:
    """NVML where its library can be loaded. Looking for it costs next to nothing."""
    try:
        ctypes.CDLL(LIBRARY)
    except OSError:
        return NoGpus()
    try:
        import pynvml
    except ImportError:
        return NoGpus(f"unknown: there is a driver, but {extras.lacking(extras.GPUS)}", certain=False)
    return Nvml(pynvml, pace=PACE, limit=LIMIT)


def lost(gpus: Gpus, held: Sequence[str]) -> tuple[str, ...]:
    """Those of `held` that are lost now."""
    if not held:
        return ()
    known = {gpu.uuid: gpu for gpu in gpus.look(fresh=True)}
    return tuple(u for u in held if (known[u].health is Health.LOST if u in known else gpus.certain))


class Nvml:
    """`nvml` is the module pynvml. Safe to use from several threads."""

    def __init__(self, nvml: Any, *, pace: float, limit: float, now: Callable[[], float] = time.monotonic) -> None:
        self.nvml, self.pace, self.limit, self.now = nvml, pace, limit, now
        self.text, self.certain = "", False
        self._one_at_a_time = threading.Lock()
        self._known: dict[str, NodeGpu] = {}
        self._places: dict[int, tuple[str, ...]] = {}
        self.watches = True  # whether whose a program is can be told here
        self._looked = float("-inf")
        self._open = False
        self._asking: threading.Thread | None = None

    def look(self, *, fresh: bool = False) -> tuple[NodeGpu, ...]:
        with self._one_at_a_time:
            if fresh or self.now() - self._looked >= self.pace:
                self._ask()
                self._looked = self.now()
            return tuple(self._known.values())

    def _ask(self) -> None:
        """In a thread that may hang: NVML can wait for a broken driver for ever. Its answer is then not waited for."""
        if self._asking and self._asking.is_alive():
            return
        answer: list[dict[str, NodeGpu] | str] = []
        self._asking = threading.Thread(target=lambda: answer.append(self._answer()), name="nvml", daemon=True)
        self._asking.start()
        self._asking.join(self.limit)
        found = answer[0] if answer else f"NVML does not answer within {self.limit:g} s"
        self.certain = not isinstance(found, str)
        if isinstance(found, str):
            self.text = f"unknown: {found}"
            self._known = {uuid: _as(gpu, Health.UNKNOWN) for uuid, gpu in self._known.items()}
            return
        gone = {uuid: _as(gpu, Health.LOST) for uuid, gpu in self._known.items() if uuid not in found}
        self._known = {**found, **gone}
        self.text = "; ".join(_words(gpu) for gpu in self._known.values()) or "none: a driver, but no GPU"

    def _answer(self) -> dict[str, NodeGpu] | str:
        try:
            if not self._open:
                self.nvml.nvmlInit()
                self._open = True
            found = {gpu.uuid: gpu for gpu in self._devices()}
        except Exception as error:  # whatever a driver and its bindings come up with, the node goes on
            self._close()
            if type(error).__name__ == "NVMLError_DriverNotLoaded":
                return {}
            return f"NVML says: {error}"
        if any(gpu.health is Health.LOST for gpu in found.values()) or self._known.keys() - found.keys():
            self._close()  # one that comes back is seen by a new session only
        return found

    def _close(self) -> None:
        if self._open:
            self._open = False
            try:
                self.nvml.nvmlShutdown()
            except self.nvml.NVMLError:
                pass

    def _devices(self) -> Iterator[NodeGpu]:
        driver = _text(self.nvml.nvmlSystemGetDriverVersion())
        for index in range(self.nvml.nvmlDeviceGetCount()):
            try:
                found = self._at(index, driver)
            except self.nvml.NVMLError as error:
                health = Health.LOST if _is_lost(error) else Health.UNKNOWN
                before = self._places.get(index, ())
                found = [_as(self._known[uuid], health) for uuid in before if uuid in self._known]
            yield from found

    def _at(self, index: int, driver: str) -> list[NodeGpu]:
        """The device, or the instances that it is cut into."""
        card = self.nvml.nvmlDeviceGetHandleByIndex(index)
        uuid = _text(self.nvml.nvmlDeviceGetUUID(card))
        instances = self._instances(index, card)
        if instances is None:
            found = [self._device(card, card, driver)]
        else:
            found = [self._device(each, card, driver).model_copy(update={"part_of": uuid}) for each in instances]
        self._places[index] = tuple(gpu.uuid for gpu in found)
        return found

    def _instances(self, index: int, card: Any) -> list[Any] | None:
        """None where it is whole."""
        try:
            now, _ = self.nvml.nvmlDeviceGetMigMode(card)
        except self.nvml.NVMLError:
            if any(self._known[uuid].part_of for uuid in self._places.get(index, ()) if uuid in self._known):
                raise
            return None  # it has no such thing, or something is wrong with it that other questions will show
        if not now:
            return None
        found = []
        for at in range(self.nvml.nvmlDeviceGetMaxMigDeviceCount(card)):
            with suppress(self.nvml.NVMLError_NotFound):  # no instance has this number
                found.append(self.nvml.nvmlDeviceGetMigDeviceHandleByIndex(card, at))
        return found

    def _device(self, handle: Any, card: Any, driver: str) -> NodeGpu:
        """`card` is itself, or what it is an instance of."""
        nvml = self.nvml
        uuid, model = _text(nvml.nvmlDeviceGetUUID(handle)), _text(nvml.nvmlDeviceGetName(handle))
        try:
            memory = int(nvml.nvmlDeviceGetMemoryInfo(handle).total)
            capability = ".".join(str(part) for part in nvml.nvmlDeviceGetCudaComputeCapability(card))
            programs = computing(nvml, handle)
        except nvml.NVMLError as error:
            before = self._known.get(uuid) or NodeGpu(uuid=uuid, model=model, driver=driver)
            return _as(before, Health.LOST if _is_lost(error) else Health.UNKNOWN)
        return NodeGpu(
            uuid=uuid,
            model=model,
            memory=memory,
            driver=driver,
            compute_capability=capability,
            health=Health.BUSY if programs else Health.OK,
            watched=self.watches and programs is not None and None not in programs.values(),
        )


def computing(nvml: Any, handle: Any) -> dict[int, int | None] | None:
    """Programs that compute, by the numbers of their processes, with the bytes of the device's memory that each has;
    None for those where that is not told. A desktop on the same GPU is none. None where the driver cannot tell any.
    """
    for name in PROCESSES:
        try:
            return {int(each.pid): each.usedGpuMemory for each in getattr(nvml, name)(handle)}
        except nvml.NVMLError_NotSupported:
            break
        except nvml.NVMLError_FunctionNotFound:
            continue  # an older driver has the older one
    return None


def sees_processes() -> bool:
    """Whether this program sees the machine's processes under the numbers by which NVML names them."""
    try:
        return os.stat("/proc/self/ns/pid").st_ino == HOST_PROCESSES
    except OSError:
        return False


def _is_lost(error: Exception) -> bool:
    return type(error).__name__.removeprefix("NVMLError_") in LOST


def _as(gpu: NodeGpu, health: Health) -> NodeGpu:
    return gpu.model_copy(update={"health": health})


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


def _words(gpu: NodeGpu) -> str:
    return f"{gpu.model} {gpu.memory / 2**30:.0f} GiB ({gpu.uuid}, {gpu.health})"
