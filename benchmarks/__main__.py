"""Take the figures and print them as JSON.

    python -m benchmarks                      all, some minutes
    python -m benchmarks stages idle          some
    python -m benchmarks stages --rounds 50   more often
    python -m benchmarks fleet --hours 2      two hours of a big fleet in virtual time; only if it is named
    python -m benchmarks soak --minutes 60    an hour of work and faults; only if it is named

Each figure stands beside its floor, taken in the same run: a machine's mood moves both.
"""

import argparse
import json
import os
import platform
from collections.abc import Callable

from benchmarks import (
    command,
    containers,
    edges,
    fleet,
    growth,
    idle,
    logs,
    page,
    points,
    room,
    scale,
    soak,
    stages,
    transfers,
    uploads,
    workspaces,
)

MEASURES: dict[str, Callable[[argparse.Namespace], dict[str, object]]] = {
    "stages": lambda given: stages.measure(given.rounds),
    "containers": lambda given: containers.measure(given.rounds),
    "command": lambda given: command.measure(given.rounds),
    "scale": lambda given: scale.measure(given.projects, given.rounds),
    "points": lambda given: points.measure(1000, given.rounds),
    "workspaces": lambda given: workspaces.measure(given.rounds, given.megabytes, given.files),
    "edges": lambda given: edges.measure(min(given.rounds, 5), given.small, given.sparse),
    "logs": lambda given: logs.measure(given.rounds, given.gigabytes),
    "transfers": lambda given: transfers.measure(given.rounds, given.megabytes, given.files),
    "uploads": lambda given: uploads.measure(min(given.rounds, 5), given.megabytes),
    "page": lambda given: page.measure(given.projects, given.rounds),
    "room": lambda given: room.measure(given.rounds),
    "growth": lambda given: growth.measure(given.executions),
    "fleet": lambda given: fleet.measure(given.nodes, given.projects, given.hours, given.seed, given.plot),
    "soak": lambda given: soak.measure(given.minutes * 60, given.every, given.seed, given.plot),
    "idle": lambda given: dict(idle.measure(given.seconds)),
}


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("which", nargs="*", help=f"of {', '.join(MEASURES)}; all of them if none is named")
    parser.add_argument("--rounds", type=int, default=20, help="repetitions (default 20)")
    parser.add_argument("--projects", type=int, default=10_000, help="of `scale`, `page`, `fleet` (default 10000)")
    parser.add_argument("--seconds", type=float, default=60, help="that `idle` watches an idle node (default 60)")
    parser.add_argument(
        "--megabytes", type=int, default=200, help="of `workspaces`, `transfers`, `uploads` (default 200)"
    )
    parser.add_argument("--files", type=int, default=500, help="of `workspaces`, `transfers` (default 500)")
    parser.add_argument("--small", type=int, default=100_000, help="files of `edges` (default 100000)")
    parser.add_argument("--sparse", type=int, default=20, help="GiB of the file with holes in `edges` (default 20)")
    parser.add_argument("--gigabytes", type=float, default=1.0, help="of the log in `logs` (default 1)")
    parser.add_argument("--executions", type=int, default=2000, help="that end in `growth` (default 2000)")
    parser.add_argument("--nodes", type=int, default=100, help="of `fleet` (default 100)")
    parser.add_argument("--hours", type=float, default=24, help="of a day that `fleet` lasts (default 24)")
    parser.add_argument("--minutes", type=float, default=60, help="that `soak` works (default 60)")
    parser.add_argument("--every", type=float, default=5, help="seconds between two faults of `soak` (default 5)")
    parser.add_argument("--seed", type=int, default=1, help="of the faults of `soak`, and of `fleet` (default 1)")
    parser.add_argument("--plot", default="", help="file (SVG) into which `soak` or `fleet` draws what it saw")
    given = parser.parse_args()
    if unknown := set(given.which) - MEASURES.keys():
        parser.error(f"there is no {', '.join(sorted(unknown))}; there are {', '.join(MEASURES)}")
    found: dict[str, object] = {
        "machine": {"cpus": os.cpu_count(), "load": os.getloadavg()[0], "python": platform.python_version()}
    }
    for name in given.which or [each for each in MEASURES if each not in ("soak", "fleet")]:
        found[name] = MEASURES[name](given)
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
