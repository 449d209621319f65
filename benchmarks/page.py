"""How fast the page is with thousands of projects, each with five executions: `winslowctl web`, asked over HTTP.

Once beside a real node, once with a clone of its own. What a node adds to an update is measured apart: for that the
benchmark plays the node, which is nothing but a fetch and a new `view.json`.
"""

import json
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import psutil

from benchmarks.measure import AUTHOR, PATIENCE, Lab, node, spread, timed
from benchmarks.scale import model, multiply
from controller.loop.view_file import VIEW
from state.contract.repository import Edit
from state.edits.main import commit_edit
from state.git.git_repository import GitRepository

ASSET = re.compile(r'(?:href|src)="(/static/[^"]+)"')
WATCHED = 20.0
"""Seconds that an idle page is watched."""


def measure(projects: int, rounds: int) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as name:
        lab = model(Path(name))
        multiply(lab.remote, projects)
        lab.repository.fetch()
        data = lab.folder / "node"
        with node(lab, "--runner", "process"), served(lab, projects, data, "--node-view") as page:
            beside = {**_shown(page, rounds), **_updated(page, _Commits(lab), rounds), **_at_rest(page)}
        with served(lab, projects, data, "--node-view") as page:
            played = _updated(page, _Played(lab, data), rounds)
        with served(lab, projects, lab.folder / "own") as page:
            alone = {**_shown(page, rounds), **_updated(page, _Commits(lab), rounds), **_at_rest(page)}
        return {"projects": projects, "beside_a_node": beside, "after_view_json": played, "own_clone": alone}


class Served:
    """A page that runs. `first` is what its first answer with all projects took, from the start of the process."""

    def __init__(self, process: "subprocess.Popen[bytes]", url: str, projects: int) -> None:
        self.process, self.projects = psutil.Process(process.pid), projects
        self.browser = httpx2.Client(base_url=url, timeout=PATIENCE, headers={"accept-encoding": "gzip"})
        self.first = timed(self._wait)

    def _wait(self) -> None:
        deadline = time.monotonic() + 4 * PATIENCE
        while not self._complete():
            if time.monotonic() > deadline:
                raise SystemExit("the page does not get on")
            time.sleep(0.05)

    def _complete(self) -> bool:
        try:
            return f"{self.projects} projects" in self.browser.get("/").text
        except httpx2.TransportError:
            return False

    def first_byte(self, path: str) -> float:
        began = time.perf_counter()
        with self.browser.stream("GET", path) as answer:
            pieces = answer.iter_raw()
            next(pieces)
            took = time.perf_counter() - began
            list(pieces)  # so that the connection can be used again
        return took

    def weight(self, path: str) -> int:
        """Bytes of the body as they were sent."""
        with self.browser.stream("GET", path) as answer:
            answer.raise_for_status()
            return sum(len(piece) for piece in answer.iter_raw())


@contextmanager
def served(lab: Lab, projects: int, data: Path, *options: str) -> Iterator[Served]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    command = [str(Path(sys.executable).with_name("winslowctl")), "--repo", str(lab.remote), "--data", str(data)]
    with (lab.folder / "page.log").open("ab") as log:
        process = subprocess.Popen([*command, "web", "--address", address, *options], stdout=log, stderr=log)
        try:
            yield Served(process, f"http://{address}", projects)
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _shown(page: Served, rounds: int) -> dict[str, object]:
    assets = ASSET.findall(page.browser.get("/").text)
    weights = {path: page.weight(path) for path in ("/", *dict.fromkeys(assets))}
    return {
        "first_answer_after_start": round(page.first, 2),
        "first_byte": spread([page.first_byte("/") for _ in range(rounds)]),
        "found": spread([page.first_byte("/?q=v049") for _ in range(rounds)]),
        "one_row": spread([page.first_byte("/rows/v00007") for _ in range(rounds)]),
        "metrics": spread([page.first_byte("/metrics") for _ in range(rounds)]),
        "weight": {"total": sum(weights.values()), **weights},
    }


class _Commits:
    """People, who push."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab

    def __call__(self, id: str, tag: str) -> float:
        files: dict[str, str | None] = {f"projects/{id}/project.yaml": f"pipeline: p\ntags: [{tag}]\n"}
        commit_edit(self.lab.repository, lambda _: Edit(files, "tag", AUTHOR), sleep=time.sleep)
        return time.perf_counter()


class _Played(_Commits):
    """And the node, which has just seen it."""

    def __init__(self, lab: Lab, data: Path) -> None:
        super().__init__(lab)
        self.view, self.clone = data / VIEW, GitRepository(str(lab.remote), data / "clone.git")

    def __call__(self, id: str, tag: str) -> float:
        super().__call__(id, tag)
        found = self.clone.fetch()
        text = json.dumps({**json.loads(self.view.read_text()), "main": found.main, "state": found.state})
        part = self.view.with_suffix(".part")
        part.write_text(text)
        part.replace(self.view)
        return time.perf_counter()


def _updated(page: Served, change: Callable[[str, str], float], rounds: int) -> dict[str, object]:
    """From the change until the project's line was fetched anew, as the browser does at the event; and the overview
    that is loaded next.
    """
    lines, after = [], []
    with page.browser.stream("GET", "/events") as answer:
        events = (line.removeprefix("event: ") for line in answer.iter_lines() if line.startswith("event: "))
        for number in range(rounds):
            id, tag = f"v{number + 1:05d}", f"t{time.monotonic_ns()}"
            began = change(id, tag)
            while tag not in _line(page, id, events):
                pass
            lines.append(time.perf_counter() - began)
            after.append(page.first_byte("/"))
    return {"update": spread(lines), "overview_after_a_change": spread(after)}


def _line(page: Served, id: str, events: Iterator[str]) -> str:
    while next(events) not in (f"project-{id}", "all"):
        pass
    return page.browser.get(f"/rows/{id}").text


def _at_rest(page: Served) -> dict[str, object]:
    """With one page open. PSS counts shared pages in parts, USS not at all."""
    with page.browser.stream("GET", "/events"):
        before, began = sum(page.process.cpu_times()[:2]), time.monotonic()
        time.sleep(WATCHED)
        used = (sum(page.process.cpu_times()[:2]) - before) / (time.monotonic() - began)
    memory = page.process.memory_full_info()
    return {
        "idle_percent_of_a_core": round(100 * used, 2),
        **{f"{name}_mib": round(getattr(memory, name) / 2**20, 1) for name in ("rss", "pss", "uss")},
    }
