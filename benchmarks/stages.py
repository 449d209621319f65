"""How fast a node is: from a request to the stage, from stage to stage, and how many stages a second.

    python benchmarks/stages.py [--rounds 20]

A state repository by path, stages that only tell the time, processes. Prints JSON: medians and 95th percentiles in
seconds, with the floor (`git push` of one commit to the same disk) measured in the same run.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from controller.assemble import NodeOptions, run_node
from flow.controls import steps_of
from flow.world import Snapshot
from state.git import GitRepository
from state.people import commit_edit
from state.repository import Edit
from state.setup import init

AUTHOR = "Bench <bench@example.org>"


def stages(count: int) -> str:
    return "".join(f'  - {{name: s{n}, image: host/x, command: [date, "+%s.%N"]}}\n' for n in range(count))


class Bench:
    def __init__(self, folder: Path, projects: int, count: int, slots: int) -> None:
        self.folder, self.projects = folder, [f"v{n}" for n in range(projects)]
        files = {"winslow.yaml": "schema: 1\n", "pipelines/p.yaml": f"name: p\nstages:\n{stages(count)}"}
        files |= {f"projects/{id}/project.yaml": "pipeline: p\n" for id in self.projects}
        self.remote = folder / "state.git"
        init(self.remote, bare=True, files=files, author=AUTHOR)
        self.repository = GitRepository(str(self.remote), folder / "view.git")
        self.options = NodeOptions(
            repo=str(self.remote), name="bench", data=folder / "node", runner="process", slots=slots, settle=3600
        )
        self.asked = 0
        self.thread = threading.Thread(target=run_node, args=(self.options, lambda text: None), daemon=True)
        self.thread.start()
        self.until(lambda snapshot: bool(snapshot.inventories))

    def ask(self, projects: list[str]) -> float:
        """When the push of the request had returned."""
        self.asked += 1
        files = {
            f"projects/{id}/requests/{self.asked:04d}-start.yaml": "request: start\nstage: s0\n" for id in projects
        }
        commit_edit(self.repository, lambda _: Edit(dict(files), "start", AUTHOR), sleep=time.sleep)
        return time.time()

    def until(self, done: Callable[[Snapshot], bool]) -> None:
        deadline = time.monotonic() + 120
        while not done(self.repository.fetch()):
            if time.monotonic() > deadline:
                raise SystemExit("the node does not get on")
            time.sleep(0.005)

    def finished(self, snapshot: Snapshot) -> bool:
        views = snapshot.projects.values()
        return all(
            not view.unanswered and view.replies and view.replies[-1].request.startswith(f"{self.asked:04d}")
            and steps_of(view).wait is not None and not steps_of(view).active
            for view in views
        )  # fmt: skip

    def end(self) -> None:
        self.options.ended.set()
        self.thread.join(10)


def first_line(bench: Bench, project: str, number: int, stage: str) -> float:
    text = bench.repository.read_text(f"projects/{project}/logs/{number:04d}-{stage}.txt") or ""
    return float(text.split(" ", 2)[2])


def spread(values: list[float]) -> dict[str, float]:
    ordered = sorted(values)
    return {"median": round(statistics.median(ordered), 4), "p95": round(ordered[int(0.95 * (len(ordered) - 1))], 4)}


def latency(rounds: int) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder), 1, 3, 1)
        starts, gaps = [], []
        for round_ in range(rounds):
            returned = bench.ask(["v0"])
            bench.until(bench.finished)
            view = bench.repository.fetch().projects["v0"]
            last = view.executions[-3:]
            begun = [first_line(bench, "v0", e.execution, e.stage) for e in last]
            starts.append(begun[0] - returned)
            gaps += [begun[n + 1] - begun[n] for n in range(2)]
            assert len(view.executions) == 3 * (round_ + 1)
        bench.end()
    return {"request_to_stage": spread(starts), "stage_to_stage": spread(gaps)}


def throughput() -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder), 20, 5, 2)
        began = time.monotonic()
        bench.ask(bench.projects)
        bench.until(bench.finished)
        took = time.monotonic() - began
        bench.end()
    return {"stages": 100, "seconds": round(took, 2), "stages_per_second": round(100 / took, 2)}


def floor(rounds: int) -> dict[str, float]:
    """`git push` of one commit to a bare repository by path."""
    with tempfile.TemporaryDirectory() as folder:
        run = lambda *a: subprocess.run(["git", "-C", f"{folder}/w", *a], check=True, capture_output=True)  # noqa: E731
        subprocess.run(["git", "init", "-q", "--bare", f"{folder}/r"], check=True)
        subprocess.run(["git", "clone", "-q", f"{folder}/r", f"{folder}/w"], check=True, capture_output=True)
        times = []
        for _ in range(rounds):
            run("-c", "user.name=x", "-c", "user.email=x@y", "commit", "-q", "--allow-empty", "-m", "x")
            began = time.monotonic()
            run("push", "-q", "origin", "HEAD:refs/heads/main")
            times.append(time.monotonic() - began)
    return spread(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    rounds = parser.parse_args().rounds
    print(json.dumps({"floor_git_push": floor(rounds), **latency(rounds), "throughput": throughput()}, indent=1))


if __name__ == "__main__":
    main()
