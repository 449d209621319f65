"""Owners who come back to their machines, in bad weather; and broken variants of giving them back, all caught."""

from collections.abc import Callable, Iterator

import pytest

import flow.fold.attempts
import flow.reconcile.decide
from controller.node.owner import OwnerWatch
from flow.node.decision import Stop
from flow.node.node_world import World
from flow.reconcile.interruptions import given_back
from schema.execution import Execution, State
from schema.node import NodeGpu, TimedWish
from schema.pipeline import Stage
from schema.reasons import End
from tests.simulation.cluster import Cluster
from tests.simulation.invariants import Told, Violation
from tests.simulation.seeds import SEEDS
from tests.simulation.sometimes import Situation, never
from tests.simulation.worlds import desks

MUTANT_SEEDS = 40


@pytest.mark.parametrize("seed", range(min(SEEDS, 12)))
def test_L5_an_owner_has_his_machine_back_and_nothing_new_begins_on_it(seed: int) -> None:
    desks(seed).run()


def given_up(told: Told) -> list[Execution]:
    return [e for e in told.executions.values() if e.reason is End.PREEMPTED and "the owner of" in e.text]


def goes_on_elsewhere(told: Told) -> bool:
    left = {(e.request, e.slot): e.claim.node for e in given_up(told)}
    done = [e for e in told.executions.values() if e.state is State.SUCCEEDED and (e.request, e.slot) in left]
    return any(e.claim.node != left[e.request, e.slot] for e in done)


SITUATIONS: dict[str, Situation] = {
    "an owner comes and a stage ends": lambda told: any("logged in" in e.text for e in given_up(told)),
    "somebody asks for a machine and a stage ends": lambda told: any("asked for" in e.text for e in given_up(told)),
    "what was ended succeeds on another machine": goes_on_elsewhere,
    "another stage has priority": lambda told: any("it gave way to" in e.text for e in told.executions.values()),
}


def test_L5_every_named_situation_occurs_in_the_worlds_with_owners() -> None:
    missing = SITUATIONS
    for seed in range(12):
        told = desks(seed).run().checker.projects.values()
        missing = {name: missing[name] for name in never(missing, told)}
        if not missing:
            return
    raise AssertionError(f"these never occurred: {', '.join(missing)}")


def an_owner_who_is_forgotten_once_he_stops_typing(patch: pytest.MonkeyPatch) -> None:
    def active(self: OwnerWatch, gpus: list[NodeGpu]) -> str:
        return "its owner is logged in and active" if self.typed(self.wall(), 0.0) else ""

    patch.setattr(OwnerWatch, "_active", active)


def a_wish_that_is_over_at_once(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(OwnerWatch, "_over", lambda self, wish: True)


def a_wish_that_lasts_for_ever(patch: pytest.MonkeyPatch) -> None:
    def over(self: OwnerWatch, wish: TimedWish) -> bool:
        return False

    patch.setattr(OwnerWatch, "_over", over)


def what_may_not_be_interrupted_is_ended_too(patch: pytest.MonkeyPatch) -> None:
    def every(world: World) -> Iterator[Stop]:
        owner = world.me.inventory.owner
        return iter([Stop(id, End.PREEMPTED, owner) for id, e in world.entries.items() if owner and not e.stop])

    patch.setattr(flow.reconcile.decide, "given_back", every)


def a_machine_that_is_given_back_only_while_the_server_answers(patch: pytest.MonkeyPatch) -> None:
    def connected(world: World) -> Iterator[Stop]:
        return given_back(world) if world.fresh else iter(())

    patch.setattr(flow.reconcile.decide, "given_back", connected)


def giving_way_that_is_not_tried_again(patch: pytest.MonkeyPatch) -> None:
    def granted(stage: Stage, runs: list[Execution], newest: Execution) -> bool:
        return newest.reason is not End.PREEMPTED and original(stage, runs, newest)

    original = flow.fold.attempts.granted
    patch.setattr(flow.fold.attempts, "granted", granted)


def giving_way_that_uses_up_an_attempt(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(flow.fold.attempts, "NO_FAULT", flow.fold.attempts.NO_FAULT - {End.PREEMPTED})


OF_OWNERS = [
    (an_owner_who_is_forgotten_once_he_stops_typing, "its owner has it"),
    (a_wish_that_is_over_at_once, "its owner asked for it"),
    (a_wish_that_lasts_for_ever, "says that it is in use"),
    (what_may_not_be_interrupted_is_ended_too, "without being asked"),
    (a_machine_that_is_given_back_only_while_the_server_answers, "goes on"),
    (giving_way_that_is_not_tried_again, "is not tried again"),
    (giving_way_that_uses_up_an_attempt, "was given up after"),
]


@pytest.mark.parametrize(("mutant", "said"), OF_OWNERS, ids=lambda each: getattr(each, "__name__", ""))
def test_L5_the_variant_that_gives_machines_back_wrongly_is_caught(
    monkeypatch: pytest.MonkeyPatch, mutant: Callable[[pytest.MonkeyPatch], None], said: str
) -> None:
    mutant(monkeypatch)
    for seed in range(MUTANT_SEEDS):
        try:
            desks(seed).run()
        except Violation as violation:
            assert said in str(violation)  # noqa: PT017
            return
    pytest.fail(f"{MUTANT_SEEDS} seeds and nobody noticed")


def test_a_world_with_owners_repeats_exactly() -> None:
    def told(cluster: Cluster) -> tuple[object, ...]:
        return cluster.checker.wanted, cluster.rounds, cluster.checker.given_back

    assert told(desks(3).run()) == told(desks(3).run())
