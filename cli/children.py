"""Servers beside a node, as its children: their death does not touch it, they are started again, and end with it."""

import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

AGAIN = 5.0
"""Seconds after which one that died is started again."""


@contextmanager
def child(repo: str, data: Path, verb: Sequence[str]) -> Iterator[None]:
    """`winslowctl VERB…` for the time of the block; nothing at all where no verb is given."""
    if not verb:
        yield
        return
    program = [sys.executable, "-c", "import sys; sys.argv[0] = 'winslowctl'; from cli.main import main; main()"]
    keeper = _Keeper([*program, "--repo", repo, "--data", str(data), *verb])
    try:
        yield
    finally:
        keeper.end()


class _Keeper:
    def __init__(self, command: list[str]) -> None:
        self.command = command
        self._ended = threading.Event()
        self._process = subprocess.Popen(command)
        self._thread = threading.Thread(target=self._run, name="child", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while True:
            self._process.wait()
            if self._ended.wait(AGAIN):
                return
            self._process = subprocess.Popen(self.command)

    def end(self) -> None:
        self._ended.set()
        self._process.terminate()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._thread.join(1)
