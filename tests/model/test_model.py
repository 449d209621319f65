"""Every order of events of a small fleet keeps the promises, and every broken rule is found out."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.model.__main__ import explore
from tests.model.explorer import Explorer
from tests.model.protocol import Protocol
from tests.model.rules import Bounds, Rules
from tests.model.symmetry import key
from tests.model.variants import VARIANTS, Variant
from tests.model.world import RUNS, State
from tests.model.worlds import SMALL

ROOT = Path(__file__).parents[2]
DEAF = Bounds(nodes=1, slots=1, answers=0, deaf=True)


@pytest.mark.parametrize("world", SMALL)
def test_F13_no_order_of_events_breaks_a_promise(world: str) -> None:
    found = explore(SMALL[world])
    assert found.wrong == "", "\n".join(found.way)
    assert found.whole


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_F13_a_broken_rule_has_a_shortest_counterexample(variant: Variant) -> None:
    found = explore(variant.bounds, variant.rules)
    print("\n".join(found.way))
    assert variant.breaks in found.wrong
    assert found.wrong
    assert len(found.way) == variant.steps


def starts(rules: Rules) -> bool:
    """Whether anything is ever started where no push is ever answered."""
    protocol = Protocol(DEAF, rules)

    def runs(state: State) -> bool:
        return any(held and held.runs == RUNS for node in state.nodes for held in node.held)

    found = Explorer(protocol.start(), protocol.steps, key, goal=runs).run()
    assert found.whole
    return found.reached


def test_F2_where_no_push_is_ever_answered_stages_start_all_the_same() -> None:
    assert starts(Rules())
    assert not starts(Rules(adopt_after_lost_answer=False))


SEEN = """
from tests.model.__main__ import explore
from tests.model.rules import Bounds
found = explore(Bounds(nodes=2, slots=1, answers=0), workers=int(input()))
print(found.states, found.steps, found.depth)
"""


def test_the_same_is_found_by_several_processes() -> None:
    """In a process of its own, as people run it: one with threads, like this, must not be forked."""
    one, two = (
        subprocess.run(
            [sys.executable, "-c", SEEN],
            input=workers,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=100,
            check=True,
        ).stdout
        for workers in ("1", "2")
    )
    assert one == two
