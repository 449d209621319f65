"""The first hour, as the page tells it: its blocks are run in order, against a real node, in an empty folder."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "start.md"
BLOCK = re.compile(r"<!-- (run|background|fails) -->\n```sh\n(.*?)```", re.DOTALL)
HANG = 30.0
EXPECTED = {
    "winslowctl describe first": ("hello world", "greeting.txt", "succeeded"),
    "cat kept.txt": ("Are these the right words?", "execution 1 of w", "exactly"),
    "winslowctl compare w/2 w/3": ("least", "kept", "-3"),
    "winslowctl redo w --stage longset": ("did you mean 'longest'", "nothing was committed"),
    "winslowctl nodes --repo fleet.git": ("one ", "two ", "process"),
}
"""What the last block that ends in this line must have said."""


@dataclass
class Terminals:
    """A first terminal in which a node runs, and a second one whose exports last."""

    folder: Path
    environment: dict[str, str]
    node: "subprocess.Popen[bytes] | None" = None
    exports: str = ""
    said: str = ""
    files: list[Path] = field(default_factory=list)

    def background(self, text: str) -> None:
        self.end()
        log = self.folder / f"node{len(self.files)}.log"
        self.files.append(log)
        with log.open("wb") as out:
            self.node = subprocess.Popen(
                ["sh", "-c", f"exec {text.strip()}"], cwd=self.folder, env=self.environment, stdout=out, stderr=out
            )
        deadline = time.monotonic() + HANG
        while " polling every " not in log.read_text():
            assert self.node.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)

    def run(self, text: str) -> int:
        script = f"set -e\n{self.exports}\n{text}"
        child = subprocess.Popen(
            ["sh", "-c", script],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            self.said, _ = child.communicate(timeout=HANG)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            raise
        self.exports += "\n".join(line for line in text.splitlines() if line.startswith("export ")) + "\n"
        return child.returncode

    def end(self) -> None:
        """Ctrl-C."""
        if self.node is None:
            return
        self.node.send_signal(signal.SIGINT)
        try:
            assert self.node.wait(HANG) == 0, self.files[-1].read_text()
        finally:
            if self.node.poll() is None:
                self.node.kill()
            self.node = None


@pytest.fixture
def terminals(tmp_path: Path) -> Iterator[Terminals]:
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "WINSLOW_AUTHOR": "Ada <ada@example.org>",
    }
    found = Terminals(tmp_path, environment)
    yield found
    found.end()


@pytest.mark.timeout(120)
def test_the_first_hour_works_as_it_is_written(terminals: Terminals) -> None:
    blocks = BLOCK.findall(PAGE.read_text())
    assert len(blocks) > 8
    for kind, text in blocks:
        if kind == "background":
            terminals.background(text)
            continue
        code = terminals.run(text)
        assert (code != 0) == (kind == "fails"), f"{text}\n{terminals.said}\n{_logs(terminals)}"
        assert [word for word in EXPECTED.get(_last_line(text), ()) if word not in terminals.said] == []


def _last_line(text: str) -> str:
    return text.strip().splitlines()[-1]


def _logs(terminals: Terminals) -> str:
    return "\n".join(file.read_text()[-3000:] for file in terminals.files)
