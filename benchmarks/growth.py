"""Whether ended executions make later ones dearer: CPU a stage of one node, by hundred, over thousands of them."""

import os
import statistics
import sys
import tempfile
from itertools import pairwise
from pathlib import Path

import psutil

from benchmarks.measure import Lab, node

STAGE = 'image: host/x, command: ["true"]'
STAGES, BATCH = 5, 20
"""Stages of a project, and projects that are asked for at once: a hundred executions."""
PATIENCE = 900.0
"""Seconds for a hundred executions, also on a machine with much else to do."""
WIDTH = 60
"""Characters of the longest bar."""


def measure(executions: int = 2000) -> dict[str, object]:
    batches = max(2, executions // (STAGES * BATCH))
    with tempfile.TemporaryDirectory() as folder:
        lab = Lab(Path(folder), [f"v{number}" for number in range(batches * BATCH)], STAGE, STAGES)
        with node(lab, "--runner", "process", "--slots", "2") as running:
            used = [_cpu(running.process.pid)]
            for batch in range(batches):
                lab.ask(lab.projects[batch * BATCH : (batch + 1) * BATCH])
                lab.until(lab.ran((batch + 1) * BATCH * STAGES), 0.5, PATIENCE)
                used.append(_cpu(running.process.pid))
    each = [(after - before) / (STAGES * BATCH) for before, after in pairwise(used)]
    print(plot(each), file=sys.stderr)
    edge = max(1, batches // 5)
    first, last = statistics.mean(each[:edge]), statistics.mean(each[-edge:])
    return {
        "executions": batches * STAGES * BATCH,
        "cpu_seconds_per_stage": [round(value, 4) for value in each],
        "last_fifth_to_first": round(last / first, 3),
        "load": round(os.getloadavg()[0], 2),
    }


def plot(each: list[float]) -> str:
    """A bar for each hundred."""
    scale = WIDTH / max(each)
    lines = (
        f"{(number + 1) * STAGES * BATCH:>6}  {value:.4f}  {'#' * round(value * scale)}"
        for number, value in enumerate(each)
    )
    return "\n".join(["CPU seconds a stage, by the executions that had ended:", *lines])


def _cpu(pid: int) -> float:
    """Of the node and of its children that have ended."""
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system + times.children_user + times.children_system)
