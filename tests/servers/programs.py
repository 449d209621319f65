"""Server programs for tests: found, started on a free port, awaited, ended."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

HANG = 60.0
"""A guard against hanging: each of them answers within a fraction of a second."""
_ELSEWHERE = "/usr/sbin:/usr/lib/git-core:/usr/lib/openssh"


def found(*names: str) -> list[str]:
    """Where these programs are. What is missing is a failure in CI, a skip elsewhere."""
    paths = {name: shutil.which(name, path=f"{os.environ.get('PATH', '')}:{_ELSEWHERE}") for name in names}
    missing = [name for name, path in paths.items() if path is None]
    if missing:
        text = f"not installed: {' '.join(missing)}; scripts/test installs them"
        if os.environ.get("CI"):
            pytest.fail(text)
        pytest.skip(text)
    return [path for path in paths.values() if path]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


class Program:
    """A server in a process group of its own."""

    def __init__(self, command: Sequence[str], log: Path, ready: Callable[[], bool]) -> None:
        with log.open("a") as file:
            self.child = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=True
            )
        deadline = time.monotonic() + HANG
        while not ready():
            if self.child.poll() is not None or time.monotonic() > deadline:
                self.end()
                raise AssertionError(f"{command[0]} did not start:\n{log.read_text()[-2000:]}")
            time.sleep(0.01)

    def end(self) -> None:
        """The whole group."""
        try:
            os.killpg(self.child.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.child.wait(HANG)
