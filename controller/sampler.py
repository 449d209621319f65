"""Writes down what the machine does, every few seconds, in a thread of its own. Nothing depends on it."""

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from runner import load
from runner.gpu_load import Loads


class Looks(Protocol):
    def look(self) -> dict[str, float]: ...


class GpuLooks(Protocol):
    def look(self) -> Loads: ...


class Sampler:
    def __init__(self, data: Path, machine: Looks, gpus: GpuLooks, every: float = load.EVERY) -> None:
        self.data, self.machine, self.gpus, self.every = data, machine, gpus, every
        self._machine = load.machine(data)
        self._gpus: dict[str, load.Record] = {}
        self._newest: Mapping[str, float] = {}
        self._ended = threading.Event()

    @property
    def newest(self) -> dict[str, float]:
        """As the heartbeat says it: `cpu`, `memory`, …, and `gpu.<uuid>.use` for each GPU."""
        return dict(self._newest)

    def start(self) -> Callable[[], None]:
        """The returned function ends it, and does not wait for it."""
        threading.Thread(target=self._run, name="sampler", daemon=True).start()
        return self._ended.set

    def _run(self) -> None:
        while not self._ended.is_set():
            try:
                self.sample()
            except Exception:  # a number that is missing must not end the rest
                pass
            self._ended.wait(self.every)

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


def _keep(record: load.Record, values: Mapping[str, float]) -> None:
    try:
        record.put(values)
    except OSError:
        pass  # a full disk: the numbers have a gap


def _short(value: float) -> float:
    """One digit behind the point is more than anybody reads."""
    return round(value, 1)
