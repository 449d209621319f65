"""What a node costs that has nothing to do: CPU, and the memory of its whole tree (PSS, so shared pages count once)."""

import tempfile
import time
from pathlib import Path

import psutil

from benchmarks.measure import Lab, node

STAGE = 'image: host/x, command: ["true"]'


def measure(seconds: float) -> dict[str, float]:
    """Default intervals; `seconds` after a first minute's worth of settling (a tenth of it)."""
    with tempfile.TemporaryDirectory() as folder:
        lab = Lab(Path(folder), ["v0"], STAGE, 2)
        with node(lab, "--runner", "process") as child:
            lab.ask(["v0"])
            lab.until(lab.ran(2), 0.2)
            time.sleep(max(2.0, seconds / 10))
            family = psutil.Process(child.process.pid)
            before, began = _cpu(family), time.monotonic()
            time.sleep(seconds)
            used, took = _cpu(family) - before, time.monotonic() - began
            memory = sum(each.memory_full_info().pss for each in (family, *family.children(recursive=True)))
    return {
        "seconds": round(took, 1),
        "cpu_seconds_per_minute": round(used * 60 / took, 3),
        "pss_mib": round(memory / 2**20, 1),
    }


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system + times.children_user + times.children_system)
