"""The worlds that CI looks at hold every situation that is named, or a rule may be broken without anybody's notice."""

from collections.abc import Callable, Mapping

import pytest

from tests.simulation.cluster import Cluster
from tests.simulation.sometimes import SITUATIONS, TURNS, Situation, never
from tests.simulation.worlds import branches, turnings

SEEDS = 30
"""As many as CI runs of them; looking ends with the seed by which all were seen."""


@pytest.mark.parametrize(
    ("world", "situations"), [(branches, SITUATIONS), (turnings, TURNS)], ids=["branches", "turnings"]
)
def test_F13_G1_every_named_situation_occurs_in_the_worlds_that_branch(
    world: Callable[[int], Cluster], situations: Mapping[str, Situation]
) -> None:
    missing = dict(situations)
    for seed in range(SEEDS):
        told = world(seed).run().checker.projects.values()
        missing = {name: missing[name] for name in never(missing, told)}
        if not missing:
            return
    raise AssertionError(f"in {SEEDS} worlds these never occurred: {', '.join(missing)}")


def test_a_situation_that_never_occurs_is_named() -> None:
    told = branches(0).run().checker.projects.values()
    assert never({"the moon is asked": lambda told: any(r.kind == "moon" for r in told.replies)}, told) == [
        "the moon is asked"
    ]
