"""Stages that give way to others, in bad weather; and broken variants of it, which must be caught."""

import os
from collections.abc import Callable, Iterable
from dataclasses import replace

import pytest

import flow.reconcile.interruptions
import flow.reconcile.new_claims
from flow.model.snapshot import ProjectView
from flow.node.node_world import HeldClaim, World
from flow.order.giving_way import Interruptible
from schema.execution import State
from schema.reasons import End
from tests.simulation.cluster import Cluster
from tests.simulation.invariants import Violation
from tests.simulation.worlds import rivalry

SEEDS = int(os.environ.get("SEEDS", "200"))
MUTANT_SEEDS = 40


@pytest.mark.parametrize("seed", range(min(SEEDS, 10)))
def test_L5_what_may_be_interrupted_is_only_for_higher_priority_that_waits(seed: int) -> None:
    rivalry(seed).run()


def test_L5_in_these_worlds_stages_are_interrupted_and_end_well_all_the_same() -> None:
    worlds = [rivalry(seed).run() for seed in range(6)]
    assert sum(world.checker.interrupted for world in worlds) >= 6
    assert any(_went_on(world) for world in worlds)


def _went_on(world: Cluster) -> bool:
    """Whether a slot that was interrupted succeeded later on."""
    records = [e for told in world.checker.projects.values() for e in told.executions.values()]
    gone = {(e.request, e.slot) for e in records if e.reason is End.PREEMPTED}
    return any(e.state is State.SUCCEEDED and (e.request, e.slot) in gone for e in records)


def interrupted_before_its_time(patch: pytest.MonkeyPatch) -> None:
    def ripe(world: World, entry: HeldClaim) -> bool:
        sight = world.containers.get(entry.container)
        return bool(entry.stop or (sight and sight.running))

    patch.setattr(flow.reconcile.interruptions, "_ripe", ripe)


def interrupted_for_the_same_priority(patch: pytest.MonkeyPatch) -> None:
    def lower(views: Iterable[ProjectView]) -> dict[str, list[Interruptible]]:
        return {
            node: [replace(each, priority=each.priority - 1) for each in those]
            for node, those in original(views).items()
        }

    original = flow.reconcile.new_claims.interruptible
    patch.setattr(flow.reconcile.new_claims, "interruptible", lower)


@pytest.mark.parametrize(
    ("mutant", "said"),
    [
        (interrupted_before_its_time, " s of "),
        (interrupted_for_the_same_priority, "nothing of higher priority waited"),
    ],
)
def test_L5_the_variant_that_interrupts_wrongly_is_caught(
    monkeypatch: pytest.MonkeyPatch, mutant: Callable[[pytest.MonkeyPatch], None], said: str
) -> None:
    mutant(monkeypatch)
    for seed in range(MUTANT_SEEDS):
        try:
            rivalry(seed).run()
        except Violation as violation:
            assert said in str(violation)  # noqa: PT017
            return
    pytest.fail(f"{MUTANT_SEEDS} seeds and nobody noticed")
