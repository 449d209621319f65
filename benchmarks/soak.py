"""Hours of production in minutes: work without end, a fault every few seconds, and what a node costs meanwhile.

Two nodes by path. One is killed and started anew all the time; the other one lives from the beginning to the end, is
stopped and goes on, and the server is away now and then. What the living one holds (memory, open files, threads) has
to be as much at the end as after it has settled, and so has what each stage costs: CPU, and bytes in the repository and
on the disk.
"""

import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from benchmarks.measure import Lab, at_work

STAGE = 'image: host/x, command: ["true"], retry: {max: 20, when: [node_lost, infrastructure]}'
PROJECTS, STAGES = 6, 3
HELD = {"memory_mib": 12.0, "files": 12.0, "threads": 8.0}
"""What is held, and by how much it may differ for no reason."""
EACH = ("cpu_seconds", "repository_kib", "data_kib")
"""What only grows, and is told for each stage."""
MOST = 1.5
"""Times as much at the end as after it has settled."""


@dataclass
class Soak:
    """The two nodes, what is done to them, and what was seen."""

    folder: Path
    seed: int
    lab: Lab = field(init=False)
    samples: list[dict[str, float]] = field(default_factory=list)
    faults: int = 0
    children: "dict[str, subprocess.Popen[bytes]]" = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        self.lab = Lab(self.folder, [f"v{number}" for number in range(PROJECTS)], STAGE, STAGES)
        self.lab.edit({"winslow.yaml": "schema: 1\nlost_after: 12s\n"})

    def begin(self, name: str) -> None:
        log = (self.folder / f"{name}.log").open("ab")
        command = [str(Path(sys.executable).with_name("winslowctl")), "--repo", str(self.lab.remote)]
        command += ["--data", str(self.folder / name), "node", "--name", name, "--runner", "process"]
        command += ["--slots", "2", "--poll", "0.5s", "--heartbeat", "4s"]
        self.children[name] = subprocess.Popen(command, stdout=log, stderr=log)
        log.close()

    def end(self) -> None:
        for child in self.children.values():
            child.send_signal(signal.SIGCONT)
            child.terminate()
            child.wait(60)

    # -- what is done -----------------------------------------------------------------------------------------------

    def fault(self) -> None:
        self.faults += 1
        self.chance.choice((self._kill, self._sleep, self._outage))()

    def _kill(self) -> None:
        self.children["mortal"].kill()
        self.children["mortal"].wait()
        self.begin("mortal")

    def _sleep(self) -> None:
        child = self.children[self.chance.choice(("living", "mortal"))]
        child.send_signal(signal.SIGSTOP)
        time.sleep(self.chance.uniform(0.2, 2.0))
        child.send_signal(signal.SIGCONT)

    def _outage(self) -> None:
        here, away = self.lab.remote / "HEAD", self.lab.remote / "HEAD.away"
        here.rename(away)
        time.sleep(self.chance.uniform(0.2, 2.0))
        away.rename(here)

    # -- what is seen -----------------------------------------------------------------------------------------------

    def look(self, began: float) -> None:
        views = self.lab.repository.fetch().projects.values()
        process = psutil.Process(self.children["living"].pid)
        with process.oneshot():
            times = process.cpu_times()
            cpu = times.user + times.system + times.children_user + times.children_system
            held = (process.memory_info().rss / 2**20, float(process.num_fds()), float(process.num_threads()))
        self.samples.append(
            {
                "seconds": time.monotonic() - began,
                "stages": float(sum(each.state.ended for view in views for each in view.executions)),
                "cpu_seconds": cpu,
                "repository_kib": _size(self.lab.remote),
                "data_kib": _size(self.folder / "living"),
                **dict(zip(HELD, held, strict=True)),
            }
        )

    @property
    def idle(self) -> list[str]:
        """Projects for which nothing is left to do."""
        return [id for id, view in self.lab.repository.fetch().projects.items() if not at_work(view)]


def measure(seconds: float, every: float, seed: int, plot: str = "") -> dict[str, object]:
    """Work until then; then fine weather until all is done."""
    with tempfile.TemporaryDirectory() as folder:
        soak = Soak(Path(folder), seed)
        try:
            soak.begin("living")
            soak.begin("mortal")
            soak.lab.until(lambda snapshot: len(snapshot.heartbeats) == 2)
            _work(soak, seconds, every)
        finally:
            soak.end()
    if plot:
        Path(plot).write_text(drawn(soak.samples))
    return {"seed": seed, "seconds": seconds, "faults": soak.faults, **verdict(soak.samples)}


def _work(soak: Soak, seconds: float, every: float) -> None:
    began = time.monotonic()
    next_fault = began + every
    while time.monotonic() - began < seconds:
        if waiting := soak.idle:
            soak.lab.ask(waiting)
        if time.monotonic() >= next_fault:
            soak.fault()
            next_fault = time.monotonic() + soak.chance.expovariate(1 / every)
        soak.look(began)
        time.sleep(0.5)
    soak.lab.until(lambda snapshot: len(soak.idle) == PROJECTS, 0.5)
    soak.look(began)


def _size(folder: Path) -> float:
    """Of a folder in which files come and go."""
    found = 0
    for path, _, names in os.walk(folder):
        for name in names:
            try:
                found += os.lstat(os.path.join(path, name)).st_blocks * 512
            except FileNotFoundError:
                continue
    return found / 1024


def verdict(samples: list[dict[str, float]]) -> dict[str, object]:
    """What each thing was after it had settled (the second quarter), and in the last one; what is not flat."""
    quarter = max(1, len(samples) // 4)
    early, late = samples[quarter : 2 * quarter + 1], samples[-quarter - 1 :]
    found: dict[str, object] = {"stages": samples[-1]["stages"] if samples else 0.0}
    rising = []
    for name, slack in HELD.items():
        before, after = (statistics.median(each[name] for each in part) for part in (early, late))
        found[name] = [round(before, 1), round(after, 1)]
        if after > before * 1.1 + slack:
            rising.append(name)
    for name in EACH:
        before, after = _each(early, name), _each(late, name)
        found[f"{name}_a_stage"] = [round(before, 3), round(after, 3)]
        if before and after > before * MOST:
            rising.append(name)
    return {**found, "rising": rising}


def _each(part: list[dict[str, float]], name: str) -> float:
    stages = part[-1]["stages"] - part[0]["stages"]
    return (part[-1][name] - part[0][name]) / stages if stages else 0.0


def drawn(samples: list[dict[str, float]]) -> str:
    """Each thing over time, as a drawing (SVG)."""
    names = [*HELD, *EACH, "stages"]
    end = max((each["seconds"] for each in samples), default=1.0)
    rows = []
    for row, name in enumerate(names):
        top = max((each[name] for each in samples), default=0.0) or 1.0
        points = " ".join(
            f"{150 + 600 * each['seconds'] / end:.1f},{row * 60 + 50 - 40 * each[name] / top:.1f}" for each in samples
        )
        rows.append(f'<text x="4" y="{row * 60 + 34}">{name} (0–{top:.6g})</text>')
        rows.append(f'<polyline points="{points}" fill="none" stroke="currentColor"/>')
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 760 {len(names) * 60}" font-size="11">'
    return "\n".join([head, *rows, "</svg>", ""])
