"""How long what failed rests."""

from random import Random

import pytest

from flow.model.backoff import Backoff


@pytest.mark.parametrize(
    ("failures", "rest"), [(0, 0.0), (1, 5.0), (2, 10.0), (3, 20.0), (4, 30.0), (5, 30.0), (10**9, 30.0)]
)
def test_each_rest_is_twice_the_one_before_up_to_a_bound(failures: int, rest: float) -> None:
    assert Backoff(first=5.0, longest=30.0).rest(failures) == rest


def test_without_a_first_rest_there_is_none() -> None:
    assert [Backoff(first=0.0).rest(failures) for failures in (0, 1, 1000)] == [0.0, 0.0, 0.0]


def test_those_who_failed_together_are_spread_over_the_whole_rest() -> None:
    chance = Random(7)
    waits = [Backoff(first=4.0).spread(2, chance) for _ in range(1000)]
    assert 0.0 <= min(waits) < 0.2
    assert 7.8 < max(waits) <= 8.0
