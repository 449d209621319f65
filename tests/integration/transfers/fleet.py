"""Nodes by the command, as an operator starts them, each with a label of its own name."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.integration.node.lab import HANG, Lab


class Fleet:
    def __init__(self, lab: Lab, options: list[str], environment: Mapping[str, str] | None = None) -> None:
        self.lab, self.options, self.environment = lab, options, dict(environment or {})
        self.children = dict[str, subprocess.Popen[bytes]]()

    def start(self, name: str, *more: str, failpoint: str = "") -> None:
        command = [
            sys.executable, "-m", "cli.main", "--repo", str(self.lab.remote), "--data", str(self.lab.folder / name),
            "node", "--name", name, "--label", name, "--runner", "process", "--poll", "0.25s", "--heartbeat", "0.4s",
            *self.options, *more,
        ]  # fmt: skip
        with (self.lab.folder / f"{name}.log").open("a") as log:
            self.children[name] = subprocess.Popen(
                command,
                cwd=Path(__file__).parents[3],
                env={**os.environ, **self.environment, "WINSLOW_FAILPOINT": failpoint},
                stdout=log,
                stderr=log,
            )

    def died(self, name: str) -> None:
        assert self.children.pop(name).wait(HANG) == -9

    def end(self, name: str, *, kill: bool = False) -> None:
        child = self.children.pop(name)
        (child.kill if kill else child.terminate)()
        child.wait(HANG)

    def refused(self, name: str) -> int:
        return self.children.pop(name).wait(HANG)

    def told(self, name: str) -> str:
        return (self.lab.folder / f"{name}.log").read_text()

    def close(self) -> None:
        for name in list(self.children):
            self.end(name, kill=True)
