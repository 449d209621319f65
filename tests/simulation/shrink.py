"""The shortest schedule that still breaks the promise which a seed broke: `python -m tests.simulation.shrink 57`.

    python -m tests.simulation.shrink SEED                 a world of `Cluster`
    python -m tests.simulation.shrink WORLD SEED           of another kind: `crowd`, `movers`, `desks` …
    python -m tests.simulation.shrink WORLD SEED 3,17,18   only so much of it, as an earlier answer named it

Parts of what befell the world are left out as long as the same promise breaks, smaller and smaller ones, until nothing
more can be (delta debugging). What is left out changes what comes later, so the answer is a schedule from which nothing
can be taken, and not always the shortest of all.
"""

import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.simulation import worlds
from tests.simulation.cluster import Cluster
from tests.simulation.invariants import Violation
from tests.simulation.schedule import Misfortune, Schedule

World = Callable[[int], Cluster]
WORLDS: dict[str, World] = {
    "weather": Cluster,
    **{
        name: getattr(worlds, name)
        for name in (
            "branches", "breakdown", "crowd", "desks", "movers", "rivalry", "silence", "slowness", "solitude",
        )
    },
}  # fmt: skip
MOST_RUNS = 400
"""Of one world, until the best that was found is the answer."""


@dataclass(frozen=True, slots=True)
class Broken:
    """How a run ended: the promise, and what befell the world before."""

    violation: str
    befell: tuple[Misfortune, ...]

    @property
    def kind(self) -> str:
        """The promise without names and numbers."""
        return re.sub(r"[0-9a-f]*[0-9][0-9a-f]*", "#", self.violation)

    @property
    def numbers(self) -> frozenset[int]:
        return frozenset(each.number for each in self.befell)


def run(world: World, seed: int, kept: frozenset[int] | None = None) -> Broken | None:
    """None where every promise was kept."""
    made = world(seed)
    schedule = made.weather.schedule = Schedule(kept)
    try:
        made.run()
    except Violation as violation:
        return Broken(str(violation), tuple(schedule.befell))
    return None


def shrink(world: World, seed: int, *, most: int = MOST_RUNS) -> tuple[Broken, Broken] | None:
    """The run of that seed, and the one of which nothing can be left out. None where it keeps every promise."""
    first = run(world, seed)
    if first is None:
        return None
    best, runs, parts = first, 0, 2
    while runs < most and best.befell:
        shorter = None
        for chunk in _chunks(sorted(best.numbers), parts):
            runs += 1
            found = run(world, seed, best.numbers - chunk)
            if found and found.kind == first.kind and len(found.befell) < len(best.befell):
                shorter = found
                break
        if shorter:
            best, parts = shorter, max(2, parts - 1)
        elif parts >= len(best.befell):
            break
        else:
            parts = min(2 * parts, len(best.befell))
    return first, best


def _chunks(numbers: Sequence[int], parts: int) -> list[frozenset[int]]:
    """About as many of equal size; the last come first, as what came late matters least to what came before."""
    size = max(1, -(-len(numbers) // parts))
    return [frozenset(numbers[at : at + size]) for at in reversed(range(0, len(numbers), size))]


def shown(broken: Broken) -> str:
    return "\n".join([*map(str, broken.befell), broken.violation])


def main(words: Sequence[str]) -> int:
    if not words or len(words) > 3 or (len(words) > 1 and words[0] not in WORLDS):
        print(f"{__doc__}\nworlds: {', '.join(WORLDS)}", file=sys.stderr)
        return 2
    name, seed = (words[0], int(words[1])) if len(words) > 1 else ("weather", int(words[0]))
    if len(words) == 3:
        kept = frozenset(int(word) for word in words[2].split(",") if word)
        again = run(WORLDS[name], seed, kept)
        print(shown(again) if again else "no promise was broken")
        return 1 if again else 0
    found = shrink(WORLDS[name], seed)
    if found is None:
        print(f"the world {name} {seed} keeps every promise")
        return 0
    first, best = found
    numbers = ",".join(str(number) for number in sorted(best.numbers))
    print(f"{len(first.befell)} misfortunes, and {len(best.befell)} are enough:\n{shown(best)}")
    print(f"again: python -m tests.simulation.shrink {name} {seed} {numbers}")
    return 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
