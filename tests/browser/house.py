"""A node at work and the page beside it, as `winslowctl node --web` starts them."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from tests.integration.node.lab import HANG, Lab

ROOT = Path(__file__).parents[2]
WAIT = 60_000.0
"""A guard against hanging, in milliseconds: what is waited for takes a moment, and longer on a machine under load."""
COMMAND = [sys.executable, "-c", "import sys; sys.argv[0] = 'winslowctl'; from cli.main import main; main()"]


class House:
    """`lab` holds the repository and the node `n1`; the page is a process of its own."""

    def __init__(self, lab: Lab) -> None:
        self.lab, self.node = lab, lab.node()
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.page = self._page()
        self.until(self._answers)

    def _page(self) -> subprocess.Popen[bytes]:
        address = f"127.0.0.1:{self.port}"
        options = ["--repo", self.lab.url, "--data", str(self.lab.folder / "n1")]
        return subprocess.Popen(
            [*COMMAND, *options, "web", "--node-view", "--address", address],
            cwd=ROOT,
            env={**os.environ, "WINSLOW_AUTHOR": "Ada Lovelace <ada@example.org>"},
            stdout=(self.lab.folder / "page.log").open("ab"),
            stderr=subprocess.STDOUT,
        )

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + HANG
        while not condition():
            assert time.monotonic() < deadline, (self.lab.folder / "page.log").read_text()[-2000:]
            time.sleep(0.05)

    def restart_page(self) -> None:
        self.page.kill()
        self.page.wait()
        self.page = self._page()
        self.until(self._answers)

    def close(self) -> None:
        self.page.kill()
        self.page.wait()


class WholeNode:
    """`winslowctl node --web`: the node and its page as one command, which end and begin together."""

    def __init__(self, lab: Lab, port: int) -> None:
        self.lab, self.port = lab, port
        self.process = self._started()

    def _started(self) -> subprocess.Popen[bytes]:
        options = ["--repo", self.lab.url, "--data", str(self.lab.folder / "n1"), "node", "--name", "n1"]
        options += ["--runner", "process", "--poll", "1s", "--heartbeat", "1s", "--web", f"127.0.0.1:{self.port}"]
        out = (self.lab.folder / "n1.log").open("ab")
        return subprocess.Popen([*COMMAND, *options], cwd=ROOT, stdout=out, stderr=subprocess.STDOUT)

    def restart(self) -> None:
        """As systemd does it: told to end, and started again."""
        self.end()
        self.process = self._started()

    def end(self) -> None:
        self.process.terminate()
        self.process.wait(HANG)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
