"""Random worlds against the promises. `SEEDS=1000 pytest tests/simulation` runs more of them.

A seed stands in the name of its test; `Cluster(seed).run()` replays it.
"""

import pytest

import state.snapshot.project_folders
from schema.reasons import End
from tests.simulation.cluster import Cluster
from tests.simulation.faults import Weather
from tests.simulation.seeds import DAY, SEEDS
from tests.simulation.worlds import (
    branches,
    breakdown,
    company,
    crowd,
    movers,
    silence,
    slowness,
    solitude,
    turnings,
)

FINE = Weather(loss=0, crash=0, partition=0, outage=0, suspend=0, reboot=0, stale_main=0)


@pytest.mark.parametrize("seed", range(min(SEEDS, 20)))
def test_in_fine_weather_everything_finishes(seed: int) -> None:
    Cluster(seed, weather=Weather(**vars(FINE))).run()


@pytest.mark.parametrize("seed", range(SEEDS))
def test_F13_no_promise_is_broken_in_bad_weather(seed: int) -> None:
    Cluster(seed).run()


@pytest.mark.parametrize("seed", range(DAY, DAY + min(SEEDS, 20)))
def test_F13_no_promise_is_broken_in_the_worlds_of_this_day(seed: int) -> None:
    Cluster(seed).run()


@pytest.mark.parametrize("seed", range(min(SEEDS, 40)))
def test_F16_no_promise_is_broken_when_requests_are_read_one_by_one(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state.snapshot.project_folders, "AT_ONCE", 1)
    Cluster(seed).run()


@pytest.mark.parametrize("seed", range(min(SEEDS, 40)))
def test_M5_two_stages_never_get_the_same_gpu(seed: int) -> None:
    crowd(seed).run()


@pytest.mark.parametrize("seed", range(min(SEEDS, 40)))
def test_L6_stages_that_share_a_gpu_have_no_more_of_it_together_than_there_is(seed: int) -> None:
    company(seed).run()


def test_L6_in_these_worlds_gpus_are_shared_and_shares_exceeded() -> None:
    checkers = [company(seed).run().checker for seed in range(3)]
    assert all(each.shared for each in checkers)
    assert all(each.exceeded for each in checkers)
    ends = [e.reason for each in checkers for told in each.projects.values() for e in told.executions.values()]
    assert End.GPU_MEMORY_EXCEEDED in ends


@pytest.mark.parametrize("seed", range(min(SEEDS, 40)))
def test_F13_F21_every_execution_ends_though_disks_and_programs_of_nodes_fail(seed: int) -> None:
    breakdown(seed).run()


@pytest.mark.parametrize("seed", range(min(SEEDS, 60)))
def test_R1250_no_file_is_left_behind_shown_to_others_or_deleted_too_early(seed: int) -> None:
    movers(seed).run()


@pytest.mark.parametrize("seed", range(min(SEEDS, 40)))
def test_B3_B4_no_promise_is_broken_by_engines_that_do_not_answer(seed: int) -> None:
    silence(seed).run()


@pytest.mark.parametrize("seed", range(min(SEEDS, 30)))
def test_G1_G2_branches_and_points_run_once_and_joins_see_all_of_them(seed: int) -> None:
    branches(seed).run()


@pytest.mark.parametrize("seed", range(min(SEEDS, 30)))
def test_G1_G5_G7_conditions_repetitions_and_searches_keep_their_promises(seed: int) -> None:
    turnings(seed).run()


@pytest.mark.parametrize("seed", [*range(min(SEEDS, 40)), 60])
def test_F4_F6_no_launch_that_takes_long_is_started_under_a_claim_that_was_given_up(seed: int) -> None:
    slowness(seed).run()


@pytest.mark.parametrize("seed", range(min(SEEDS, 30)))
def test_F3_F14_no_exclusive_stage_ever_runs_twice_at_once(seed: int) -> None:
    solitude(seed).run()


@pytest.mark.parametrize("seed", range(min(SEEDS, 10)))
def test_F3_in_fine_weather_no_exclusive_stage_is_given_up(seed: int) -> None:
    cluster = Cluster(seed, weather=Weather(**vars(FINE)), exclusive=True).run()
    ends = [e.reason for told in cluster.checker.projects.values() for e in told.executions.values()]
    assert ends
    assert End.INFRASTRUCTURE not in ends


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_F13_a_seed_repeats_exactly(seed: int) -> None:
    first, second = Cluster(seed).run(), Cluster(seed).run()
    assert first.checker.wanted == second.checker.wanted
    assert (first.rounds, first.crashes, first.checker.accepted) == (
        second.rounds,
        second.crashes,
        second.checker.accepted,
    )
