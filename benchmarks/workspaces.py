"""How much a workspace costs: the next one from one of many files, and what its end takes after a few changes.

Beside it, interleaved on the same disk: `cp -al` (links, which a stage could not be given), a full copy (what it
replaces), as many new files written through by hand, and a plain single-threaded BLAKE3 over the same bytes. Without
root the store copies too.
"""

import ctypes
import os
import random
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from blake3 import blake3

from benchmarks import floors
from benchmarks.measure import spread, timed
from runner.process.shim import enter_overlay
from runner.store import digests, writeback
from runner.store.workspaces import Opened, Workspaces

CHANGED = 10


def measure(rounds: int, megabytes: int, files: int) -> dict[str, object]:
    with tempfile.TemporaryDirectory(dir=os.environ.get("WINSLOW_BENCH")) as folder:
        return Bench(Path(folder), megabytes << 20, files).measure(rounds)


class Bench:
    def __init__(self, folder: Path, size: int, files: int) -> None:
        self.folder, self.size, self.files = folder, size, files
        self.put_off: list[Callable[[], None]] = []
        self.store = Workspaces(folder / "data", later=self._later)
        self.plain = folder / "plain"
        self.base = self._first()
        self.number = 1

    def _later(self, work: Callable[[], None]) -> None:
        """As a node does it: beside, while the result is committed; here once the time is taken."""
        self.put_off.append(work)

    def _first(self) -> str:
        """The workspace that the others build on, in the store and as a plain folder."""
        opened = self.store.open("bench", 1, "c1")
        target = opened.overlay.upper if opened.overlay else opened.path
        chance = random.Random(1)
        for number in range(self.files):
            path = target / f"{number % 50:02d}" / f"{number:05d}"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(chance.randbytes(self.size // self.files))
        shutil.copytree(target, self.plain)
        finished: list[str] = []
        self.first = timed(lambda: finished.append(self.store.finish("bench", 1)))
        self._tidy()
        return finished[0]

    def measure(self, rounds: int) -> dict[str, object]:
        actions = {
            "open": self.open,
            "finish": self.finish,
            "finish_cpu": lambda: self.cpu,
            "written_through": self.written_through,
            "cp_al": lambda: self.copied("-al"),
            "copy": lambda: self.copied("-a"),
            "hash": lambda: timed(lambda: [digests.of_file(path) for path in self.paths()]),
            "hash_one_thread": lambda: timed(lambda: [one_thread(path) for path in self.paths()]),
        }
        took = in_turn(actions, rounds)
        median = {name: figures["median"] for name, figures in took.items()}
        return {
            "overlay": self.store.overlays,
            "megabytes": self.size >> 20,
            "files": self.files,
            "changed": CHANGED,
            **took,
            "open_to_cp_al": {"ratio": ratio(median["open"], median["cp_al"]), "goal": 1.5},
            "open_to_copy": {"ratio": ratio(median["open"], median["copy"])},
            "hash_speed_to_one_thread": {"ratio": ratio(median["hash_one_thread"], median["hash"]), "goal": 0.8},
            "finish_to_written_through": {"ratio": ratio(median["finish"], median["written_through"])},
            "finish_seconds": {"seconds": median["finish"], "goal": 0.05},
        }

    def open(self) -> float:
        self.number += 1
        opened: list[Opened] = []
        took = timed(lambda: opened.append(self.store.open("bench", self.number, f"c{self.number}", self.base)))
        self.opened = opened[0]
        return took

    def finish(self) -> float:
        """After a change in what has been written to the disk since it was laid out, as it is soon after the start."""
        writeback.whole(self.folder)
        if self.opened.overlay is None:
            self._change()
        else:
            thread = threading.Thread(target=self._mounted, args=(self.opened,))
            thread.start()
            thread.join()
        before = time.process_time()
        took = timed(lambda: self.store.finish("bench", self.number))
        self.cpu = time.process_time() - before
        self._tidy()
        return took

    def _tidy(self) -> None:
        while self.put_off:
            self.put_off.pop()()

    def written_through(self) -> float:
        writeback.whole(self.folder)
        return floors.written_through(self.folder / "floor", CHANGED)

    def _mounted(self, opened: Opened) -> None:
        assert opened.overlay is not None
        enter_overlay(ctypes.CDLL(None, use_errno=True), opened.overlay.options(), str(opened.path))
        self._change()

    def _change(self) -> None:
        for number in range(CHANGED):
            with (self.opened.path / f"{number:02d}" / f"{number:05d}").open("ab") as file:
                file.write(b"%d" % self.number)

    def copied(self, how: str) -> float:
        target = self.folder / "copy"
        took = timed(lambda: subprocess.run(["cp", how, self.plain, target], check=True))
        shutil.rmtree(target)
        return took

    def paths(self) -> list[Path]:
        return [path for path in self.plain.rglob("*") if path.is_file()]


def in_turn(actions: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, dict[str, float]]:
    """Figures of each, taken one after the other in every round."""
    took: dict[str, list[float]] = {name: [] for name in actions}
    for _ in range(rounds):
        for name, action in actions.items():
            took[name].append(action())
    return {name: spread(values) for name, values in took.items()}


def one_thread(path: Path) -> str:
    state = blake3()
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            state.update(piece)
    return state.hexdigest()


def ratio(one: float, other: float) -> float:
    return round(one / other, 2) if other else 0.0
