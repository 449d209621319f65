"""Explore the claim protocol, and print how much was seen and what each broken variant leads to.

python -m tests.model                     the small worlds, as CI does it: about half a minute
python -m tests.model --variants          each broken variant with its shortest counterexample
python -m tests.model --large             three nodes and two slots: minutes to hours
python -m tests.model --large exclusive   one of the large worlds
"""

import argparse
import os
import sys

from tests.model.explorer import Explored, Explorer
from tests.model.protocol import Protocol
from tests.model.rules import Bounds, Rules
from tests.model.symmetry import key
from tests.model.variants import VARIANTS
from tests.model.worlds import LARGE, SMALL


def explore(bounds: Bounds, rules: Rules | None = None, *, workers: int = 1, seconds: float = 0.0) -> Explored:
    protocol = Protocol(bounds, rules)
    return Explorer(protocol.start(), protocol.steps, key, seconds=seconds).run(workers)


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.model", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("worlds", nargs="*", help=f"of {', '.join(LARGE)}; all of them if none is named")
    parser.add_argument("--large", action="store_true")
    parser.add_argument("--variants", action="store_true")
    parser.add_argument("--seconds", type=float, default=0.0, help="at most for each world (default: no end)")
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="processes (default: one for each core)")
    given = parser.parse_args()
    if given.variants:
        return _variants()
    worlds = LARGE if given.large or given.worlds else SMALL
    if unknown := set(given.worlds) - worlds.keys():
        parser.error(f"there is no {', '.join(sorted(unknown))}; there are {', '.join(worlds)}")
    bad = 0
    for name in given.worlds or worlds:
        found = explore(worlds[name], workers=given.workers, seconds=given.seconds)
        print(f"{name}: {_told(found)}", flush=True)
        bad += bool(found.wrong)
    return 1 if bad else 0


def _told(found: Explored) -> str:
    seen = "all" if found.whole else "the first"
    size = f"{seen} {found.states:,} states, {found.steps:,} steps, {found.depth} deep, {found.seconds:.0f} s"
    return f"{size}; {found.wrong or 'no promise breaks'}" + "".join(f"\n    {step}" for step in found.way)


def _variants() -> int:
    for variant in VARIANTS:
        found = explore(variant.bounds, variant.rules)
        print(f"{variant.name}: {found.wrong or 'no promise breaks'}" + "".join(f"\n    {step}" for step in found.way))
        if variant.breaks not in found.wrong or not found.wrong:
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
