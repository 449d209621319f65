from itertools import permutations

import numpy as np
import pytest
from traffic.assignment import assign, assign_within


def cheapest(cost):
    rows, columns = cost.shape
    if rows > columns:
        return cheapest(cost.T)
    return min(
        sum(cost[row, column] for row, column in enumerate(order)) for order in permutations(range(columns), rows)
    )


@pytest.mark.parametrize("shape", [(1, 1), (1, 4), (4, 1), (3, 3), (3, 5), (5, 3), (5, 5)])
@pytest.mark.parametrize("seed", range(6))
def test_no_assignment_is_cheaper(shape, seed):
    cost = np.random.default_rng(seed).normal(0, 10, shape)
    pairs = assign(cost)
    assert len(pairs) == min(shape)
    assert len({row for row, _ in pairs}) == len({column for _, column in pairs}) == len(pairs)
    assert sum(cost[pair] for pair in pairs) == pytest.approx(cheapest(cost))


def test_equal_costs_still_use_each_once():
    assert [row for row, _ in assign(np.zeros((4, 4)))] == [0, 1, 2, 3]


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0)])
def test_nothing_to_assign(shape):
    assert assign(np.zeros(shape)) == []


def test_a_pair_over_the_limit_is_left_alone():
    cost = np.array([[1.0, 9.0], [9.0, 9.0]])
    assert assign_within(cost, 5.0) == [(0, 0)]


def test_two_possible_pairs_beat_one_cheap_one():
    cost = np.array([[0.1, 0.4], [0.4, 100.0]])
    assert assign_within(cost, 1.0) == [(0, 1), (1, 0)]
