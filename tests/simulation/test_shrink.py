"""A failing seed is cut down to what breaks the promise, and what is left breaks it again."""

import pytest

from tests.simulation.cluster import Cluster
from tests.simulation.shrink import main, run, shrink
from tests.simulation.test_mutants import (
    an_observer_that_counts_disconnected_and_suspended_time,
    no_compare_and_swap,
    start_before_the_claim_landed,
)
from tests.simulation.worlds import crowd

SEEDS = 40


def failing(patch: pytest.MonkeyPatch) -> int:
    start_before_the_claim_landed(patch)
    return next(seed for seed in range(SEEDS) if run(Cluster, seed))


def test_F13_a_failing_seed_shrinks_to_a_schedule_of_which_nothing_can_be_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    an_observer_that_counts_disconnected_and_suspended_time(monkeypatch)
    seed = next(seed for seed in range(SEEDS) if run(Cluster, seed))
    found = shrink(Cluster, seed)
    assert found
    first, best = found
    assert best.kind == first.kind
    assert 2 * len(best.befell) < len(first.befell)
    assert run(Cluster, seed, best.numbers) == best
    for number in best.numbers:
        less = run(Cluster, seed, best.numbers - {number})
        assert less is None or less.kind != best.kind or len(less.befell) >= len(best.befell)


def test_the_command_prints_the_schedule_and_how_to_run_it_again(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seed = failing(monkeypatch)
    assert main([str(seed)]) == 1
    printed = capsys.readouterr().out
    assert "are enough" in printed
    words = printed.strip().splitlines()[-1].partition("tests.simulation.shrink ")[2].split()
    assert words[:2] == ["weather", str(seed)]
    assert main(words) == 1
    assert "a claim that has not landed" in capsys.readouterr().out


def test_a_seed_that_keeps_every_promise_has_nothing_to_shrink(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["crowd", "0"]) == 0
    assert "keeps every promise" in capsys.readouterr().out
    assert main(["no-such-world", "0"]) == 2


def test_leaving_nothing_out_is_the_world_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    no_compare_and_swap(monkeypatch)
    seed = next(seed for seed in range(SEEDS) if run(crowd, seed))
    whole = run(crowd, seed)
    assert whole
    assert run(crowd, seed, whole.numbers) == whole
