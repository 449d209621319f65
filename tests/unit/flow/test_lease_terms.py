"""`lost_after` is at least three heartbeats of the slowest node in the fleet."""

from dataclasses import replace

import pytest

from flow.model.snapshot import Snapshot
from flow.node.lease_terms import lease, problems, too_short
from schema.node import Inventory, Settings
from schema.pipeline import Stage

SETTINGS = Settings(schema=1, lost_after=30.0)  # type: ignore[call-arg]


def fleet(*beats: float) -> dict[str, Inventory]:
    return {f"n{i}": Inventory(node=f"n{i}", incarnation="i", heartbeat=beat) for i, beat in enumerate(beats)}


@pytest.mark.parametrize(("beat", "refused"), [(0.0, False), (10.0, False), (10.1, True), (60.0, True)])
def test_a_node_whose_heartbeat_is_too_slow_is_refused_in_words(beat: float, refused: bool) -> None:
    text = too_short(SETTINGS, "n1", beat)
    assert bool(text) is refused
    assert ("at least 3 times" in text and "--heartbeat 10s" in text) or not refused


def test_every_such_node_of_the_fleet_is_a_problem_of_the_repository() -> None:
    assert [text.partition(" gives")[0] for text in problems(SETTINGS, fleet(5.0, 60.0, 20.0).values())] == [
        "lost_after is 30s in winslow.yaml, and the node n1",
        "lost_after is 30s in winslow.yaml, and the node n2",
    ]


def test_no_claim_has_a_lease_that_healthy_nodes_outlast() -> None:
    snapshot = Snapshot("m", "s", settings=SETTINGS)
    stage = Stage(name="a", image="i")
    assert lease(snapshot, stage).lost_after == 30.0
    assert lease(replace(snapshot, inventories=fleet(5.0, 60.0)), stage).lost_after == 180.0
