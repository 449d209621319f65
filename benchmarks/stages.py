"""How fast a node is: request to stage, stage to stage, stages a second, CPU a stage.

A state repository by path, stages that only tell the time, processes.
"""

import os
import tempfile
import time
from itertools import pairwise
from pathlib import Path

from benchmarks import floors
from benchmarks.measure import Lab, node, spread

STAGE = 'image: host/x, command: [date, "+%s.%N"]'


def measure(rounds: int) -> dict[str, object]:
    """`whole` counts from before the request's push, the other figure from its return."""
    return {**latency(rounds), "throughput": throughput()}


def latency(rounds: int, stage: str = STAGE, *options: str) -> dict[str, object]:
    """Request to the first stage's own time; from one stage's own time to the next one's; in turn with the floor."""
    options = options or ("--runner", "process", "--slots", "1")
    starts, wholes, gaps = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        lab = Lab(Path(folder), ["v0"], stage, 4)
        (Path(folder) / "floor").mkdir()
        pushes = floors.GitPushes(Path(folder) / "floor")
        with node(lab, *options):
            for round_ in range(rounds):
                for _ in range(3):
                    pushes.once()
                asked = time.time()
                returned = lab.ask(["v0"])
                time.sleep(0.3)
                lab.until(lab.ran(4 * (round_ + 1)))
                begun = lab.begun("v0", 4)
                starts.append(begun[0] - returned)
                wholes.append(begun[0] - asked)
                gaps += [after - before for before, after in pairwise(begun)]
    return {
        "floor_git_push": spread(pushes.times) | {"cpu_seconds": spread(pushes.cpu)["median"]},
        "request_to_stage": spread(starts),
        "whole_request_to_stage": spread(wholes),
        "stage_to_stage": spread(gaps),
    }


def throughput(projects: int = 20, count: int = 5) -> dict[str, float]:
    """All projects asked for at once, two slots. CPU is the node's and all its children's, beyond that of a start."""
    stages = projects * count
    with tempfile.TemporaryDirectory() as folder:
        lab = Lab(Path(folder), [f"v{number}" for number in range(projects)], STAGE, count)
        with node(lab, "--runner", "process", "--slots", "2") as idle:
            pass
        with node(lab, "--runner", "process", "--slots", "2") as busy:
            lab.ask(lab.projects)
            lab.until(lab.ran(stages), 0.2)
        begun = sorted(when for id in lab.projects for when in lab.begun(id, count))
    took = begun[-1] - begun[0]
    return {
        "stages": stages,
        "stages_per_second": round((stages - 1) / took, 2),
        "cpu_seconds_per_stage": round((busy.cpu - idle.cpu) / stages, 4),
        "load": round(os.getloadavg()[0], 2),
    }
