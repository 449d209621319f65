"""The command as a process of its own, for what goes on while something else happens."""

import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from tests.integration.node.lab import HANG

PROGRAM = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where the tests run in the background of a shell
from cli.main import main
main()
"""


class Child:
    """Killed when it hangs, so every read of it ends."""

    def __init__(self, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, *arguments],
            cwd=Path(__file__).parents[3],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.guard = threading.Timer(HANG, self.process.kill)
        self.guard.start()
        assert self.process.stdout
        assert self.process.stderr
        self.out, self.err = self.process.stdout, self.process.stderr

    def until(self, word: str) -> list[Any]:
        """The JSON lines of its output up to one with that word."""
        found = []
        for line in self.out:
            found.append(json.loads(line))
            if word in line:
                return found
        raise AssertionError(f"{word!r} never came; it ended with {self.process.wait()}: {self.err.read()}")

    def end(self) -> tuple[int, list[Any]]:
        """Its exit code, and what it had still to say."""
        rest = [json.loads(line) for line in self.out]
        code = self.process.wait()
        self.close()
        return code, rest

    def close(self) -> None:
        self.guard.cancel()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.out.close()
        self.err.close()
