"""How long the command takes to say anything."""

import subprocess
import sys
from pathlib import Path

from benchmarks import floors
from benchmarks.measure import spread, timed


def measure(rounds: int) -> dict[str, object]:
    program = str(Path(sys.executable).with_name("winslowctl"))
    run = lambda: subprocess.run([program, "--help"], check=True, stdout=subprocess.DEVNULL)  # noqa: E731
    return {"floor_python": floors.python(rounds), "help": spread([timed(run) for _ in range(rounds)])}
