"""What a reader has before him: a desk where commands are typed, and terminals in which nodes go on running."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.docs.pages import Block

HANG = 60.0


@dataclass
class Running:
    child: "subprocess.Popen[bytes]"
    log: Path


@dataclass
class Terminals:
    """`replaced`: what the page calls otherwise than this machine. `{}` in it is the name of the terminal."""

    folder: Path
    environment: dict[str, str]
    replaced: Mapping[str, str] = field(default_factory=dict)
    nodes: dict[str, Running] = field(default_factory=dict)
    logs: list[Path] = field(default_factory=list)
    exports: str = ""
    said: str = ""

    def play(self, block: Block) -> None:
        if block.kind == "background":
            name = block.argument or "node"
            self.start(name, self.here(block.text, name).strip())
        elif block.kind in ("run", "fails"):
            code = self.run(self.here(block.text, "desk"))
            assert (code != 0) == (block.kind == "fails"), f"{block}\n{block.text}\n{self.said}\n{self.told()}"

    def start(self, name: str, text: str) -> None:
        """Type this in the terminal of that name, and wait until the node there says that it polls."""
        self.end(name)
        log = self.folder / f"terminal{len(self.logs)}.log"
        self.logs.append(log)
        with log.open("wb") as out:
            child = subprocess.Popen(
                ["sh", "-c", f"{self.exports}\nexec {text}"],
                cwd=self.folder,
                env=self.environment,
                stdout=out,
                stderr=out,
            )
        self.nodes[name] = Running(child, log)
        deadline = time.monotonic() + HANG
        while " polling every " not in log.read_text():
            assert child.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)

    def run(self, text: str) -> int:
        child = subprocess.Popen(
            ["sh", "-c", f"set -e\n{self.exports}\n{text}"],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )
        try:
            self.said, _ = child.communicate(timeout=3 * HANG)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            raise
        self.exports += "\n".join(re.findall(r"^export .*$", text, re.MULTILINE)) + "\n"
        return child.returncode

    def end(self, name: str) -> None:
        """Ctrl-C."""
        running = self.nodes.pop(name, None)
        if running is None:
            return
        running.child.send_signal(signal.SIGINT)
        try:
            assert running.child.wait(HANG) == 0, running.log.read_text()
        finally:
            if running.child.poll() is None:
                running.child.kill()

    def close(self) -> None:
        for name in list(self.nodes):
            self.end(name)

    def told(self) -> str:
        return "\n".join(f"== {log.name}\n{log.read_text()[-3000:]}" for log in self.logs)

    def here(self, text: str, terminal: str) -> str:
        for said, meant in self.replaced.items():
            text = text.replace(said, meant.replace("{}", terminal))
        return text


def environment(home: Path) -> dict[str, str]:
    """A reader's: nothing of the tests' own but the program on the path."""
    kept = {name: value for name, value in os.environ.items() if name.startswith("PIP_") or name == "PYTHONPATH"}
    return {
        **kept,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(home),
        "DOCKER_HOST": f"unix://{home}/no-engine.sock",
        "WINSLOW_AUTHOR": "Ada <ada@example.org>",
    }
