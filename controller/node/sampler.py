"""Writes down what the machine and its stages do, in threads of its own. Nothing depends on it."""

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Protocol

from runner import program_output
from runner.contract.usage import Usage
from runner.metrics import load
from runner.metrics.gpu_load import Loads
from runner.worker import keep_at


class MachineReadings(Protocol):
    def look(self) -> dict[str, float]: ...


class GpuReadings(Protocol):
    def look(self) -> Loads: ...


class Samples(Protocol):
    def sample(self) -> None: ...


def start(*samplers: tuple[Samples, float]) -> Callable[[], None]:
    """Each in a thread of its own, again and again after so many seconds, so that none waits for an engine that hangs.

    The returned function ends them, and does not wait.
    """
    ended = threading.Event()
    for sampler, every in samplers:
        keep_at("sampler", sampler.sample, partial(ended.wait, every), ended=ended.is_set)
    return ended.set


class Stages:
    """Writes down what each running stage uses, beside its log."""

    def __init__(
        self,
        data: Path,
        running: Callable[[], Iterable[str]],
        usage: Callable[[str], Usage | None],
        monotonic: Callable[[], float] = time.monotonic,
        gpus: Callable[[str], Mapping[str, float]] = lambda id: {},
    ) -> None:
        self.data, self.running, self.usage, self.monotonic, self.gpus = data, running, usage, monotonic, gpus
        self._before: dict[str, tuple[float, Usage]] = {}

    def sample(self) -> None:
        found = {id: (self.monotonic(), used) for id in self.running() if (used := self.usage(id))}
        for id, (now, used) in found.items():
            values = {"memory": used.memory, **self.gpus(id)}
            progress = program_output.progress(self.data / "runs" / id)
            values |= {} if progress is None else {"progress": progress}
            if id in self._before and now > self._before[id][0]:
                when, last = self._before[id]
                values["cpu"] = 100 * max(0.0, used.cpu - last.cpu) / (now - when)
            _keep(load.stage(self.data / "runs" / id), values)
        self._before = found


class Sampler:
    def __init__(self, data: Path, machine: MachineReadings, gpus: GpuReadings) -> None:
        self.data, self.machine, self.gpus = data, machine, gpus
        self._machine = load.machine(data)
        self._gpus: dict[str, load.Record] = {}
        self._newest: Mapping[str, float] = {}

    @property
    def newest(self) -> dict[str, float]:
        """As the heartbeat says it: `cpu`, `memory`, …, and `gpu.<uuid>.use` for each GPU."""
        return dict(self._newest)

    def sample(self) -> None:
        machine, gpus = self.machine.look(), self.gpus.look()
        self._newest = {name: _short(value) for name, value in machine.items()} | {
            f"gpu.{uuid}.{name}": _short(value) for uuid, found in gpus.items() for name, value in found.items()
        }
        _keep(self._machine, machine)
        for uuid, found in gpus.items():
            if uuid not in self._gpus:
                self._gpus[uuid] = load.gpu(self.data, uuid)
            _keep(self._gpus[uuid], found)


def of_gpus(newest: Mapping[str, float], uuids: Sequence[str]) -> dict[str, float]:
    """What a stage's GPUs do on average, of what was last said of the machine."""
    found: dict[str, float] = {}
    for name, column in (("use", "gpu"), ("memory", "gpu_memory")):
        said = [newest[key] for uuid in uuids if (key := f"gpu.{uuid}.{name}") in newest]
        found |= {column: sum(said) / len(said)} if said else {}
    return found


def _keep(record: load.Record, values: Mapping[str, float]) -> None:
    try:
        record.put(values)
    except OSError:
        pass  # a full disk: the numbers have a gap


def _short(value: float) -> float:
    """One digit behind the point is more than anybody reads."""
    return round(value, 1)
