"""The worlds that CI looks at hold every situation that is named, or a rule may be broken without anybody's notice."""

from tests.simulation.sometimes import SITUATIONS, never
from tests.simulation.worlds import branches

SEEDS = 30
"""As many as CI runs of them; looking ends with the seed by which all were seen."""


def test_F13_G1_every_named_situation_occurs_in_the_worlds_that_branch() -> None:
    missing = dict(SITUATIONS)
    for seed in range(SEEDS):
        told = branches(seed).run().checker.projects.values()
        missing = {name: missing[name] for name in never(missing, told)}
        if not missing:
            return
    raise AssertionError(f"in {SEEDS} worlds these never occurred: {', '.join(missing)}")


def test_a_situation_that_never_occurs_is_named() -> None:
    told = branches(0).run().checker.projects.values()
    assert never({"the moon is asked": lambda told: any(r.kind == "moon" for r in told.replies)}, told) == [
        "the moon is asked"
    ]
