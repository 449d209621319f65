"""`winslowctl up` on a laptop with Docker: the first pipeline ends well without a registry."""

import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from runner.docker.host_image import ensure
from tests.integration.docker import engine

ROOT = Path(__file__).parents[3]
pytestmark = pytest.mark.docker
HANG = 60.0


@dataclass
class Laptop:
    """`up` runs in this folder."""

    folder: Path

    def run(self, *arguments: str) -> str:
        with self._begun(*arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as child:
            return child.communicate(timeout=HANG)[0]

    def up(self) -> "subprocess.Popen[str]":
        with (self.folder / "log").open("w") as log:
            child = self._begun("up", str(self.folder / "lab.git"), stdout=log, stderr=log)
        deadline = time.monotonic() + HANG
        while "polling every" not in self.log():
            assert child.poll() is None, self.log()
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.05)
        return child

    def log(self) -> str:
        return (self.folder / "log").read_text()

    def _begun(self, *arguments: str, **streams: Any) -> "subprocess.Popen[str]":
        command = [sys.executable, "-m", "cli.main", *arguments]
        environment = {
            **os.environ,
            "HOME": str(self.folder),
            "WINSLOW_AUTHOR": "Ada <ada@example.org>",
            "WINSLOW_REPO": str(self.folder / "lab.git"),
        }
        return subprocess.Popen(command, env=environment, cwd=ROOT, text=True, **streams)


@pytest.fixture
def laptop(tmp_path: Path) -> Iterator[Laptop]:
    engine.need()
    laptop = Laptop(tmp_path)
    child = laptop.up()
    yield laptop
    child.send_signal(signal.SIGINT)
    child.wait(HANG)
    for run in tmp_path.glob("lab.git.node/runs/*"):
        subprocess.run(["docker", "rm", "-fv", f"winslow-{run.name}"], capture_output=True, check=False)


def test_M10_the_first_pipeline_runs_in_containers_without_a_registry(laptop: Laptop) -> None:
    laptop.run("projects", "create", "first", "--pipeline", "hello", "--start")
    said = laptop.run("wait", "first", "--for", "succeeded", "--timeout", "50s")
    assert "succeeded" in said, said + laptop.run("describe", "first") + laptop.log()
    assert "docker" in laptop.run("nodes")


def test_the_image_of_the_host_is_made_once() -> None:
    engine.need()
    tag = f"winslow/test-ensure-{secrets.token_hex(4)}"
    try:
        assert ensure(tag) is True
        assert ensure(tag) is False
    finally:
        subprocess.run(["docker", "rmi", tag], capture_output=True, check=False)
