"""Runs what proves the promises, from the model to real nodes, and prints a row for each.

A row says what was run, so that it can be run alone; `--long` is for a night.
"""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Level:
    """`told` makes a few words of what the command printed."""

    name: str
    short: list[str]
    long: list[str]
    told: Callable[[str], str]
    environment: dict[str, str] = field(default_factory=dict)
    longer: dict[str, str] = field(default_factory=dict)


def last_line(printed: str) -> str:
    lines = [line.strip("= ") for line in printed.splitlines() if line.strip()]
    return lines[-1] if lines else "nothing was printed"


def explored(printed: str) -> str:
    worlds = [line for line in printed.splitlines() if " states, " in line]
    whole = sum(": all " in line for line in worlds)
    bad = sum("no promise breaks" not in line for line in worlds)
    return f"{len(worlds)} worlds, {whole} of them whole, {bad} with a counterexample"


def soaked(printed: str) -> str:
    rising = re.search(r'"rising": \[(.*?)\]', printed, re.DOTALL)
    if rising is None:
        return "it did not say what rises"
    return f"not flat: {' '.join(rising[1].split())}" if rising[1].strip() else "all is flat"


PYTEST = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
LEVELS = (
    Level("model", [sys.executable, "-m", "tests.model"], [sys.executable, "-m", "tests.model", "--large"], explored),
    Level("broken rules of the model", [*PYTEST, "tests/model"], [*PYTEST, "tests/model"], last_line),
    Level(
        "simulator",
        [*PYTEST, "tests/simulation/test_simulation.py"],
        [*PYTEST, "tests/simulation/test_simulation.py"],
        last_line,
        {"SEEDS": "60"},
        {"SEEDS": "10000"},
    ),
    Level(
        "mutants of the simulator",
        [*PYTEST, "tests/simulation", "-k", "caught"],
        [*PYTEST, "tests/simulation", "-k", "caught"],
        last_line,
    ),
    Level(
        "named mutants",
        [sys.executable, "scripts/mutants.py", "--named"],
        [sys.executable, "scripts/mutants.py", "--sample", "0"],
        last_line,
    ),
    Level("chaos", [*PYTEST, "tests/chaos"], [*PYTEST, "tests/chaos"], last_line, {"CHAOS": "3"}, {"CHAOS": "100"}),
    Level(
        "soak",
        [sys.executable, "-m", "benchmarks", "soak", "--minutes", "2"],
        [sys.executable, "-m", "benchmarks", "soak", "--minutes", "60"],
        soaked,
    ),
)


def main() -> int:
    long = "--long" in sys.argv[1:]
    print("| level | command | result | seconds |\n|---|---|---|---|")
    bad = 0
    for level in LEVELS:
        more = level.longer if long else level.environment
        command = level.long if long else level.short
        began = time.monotonic()
        done = subprocess.run(
            command,
            env={**os.environ, **more},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        bad += done.returncode != 0
        shown = " ".join([*(f"{name}={value}" for name, value in more.items()), "python", *command[1:]])
        result = level.told(done.stdout) if done.returncode == 0 else f"**failed**: {last_line(done.stdout)}"
        print(f"| {level.name} | `{shown}` | {result} | {time.monotonic() - began:.0f} |", flush=True)
    return 1 if bad else 0


if __name__ == "__main__":
    raise SystemExit(main())
