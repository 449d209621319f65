"""Which row goes with which column at the least total cost.

The Hungarian method with potentials (Kuhn 1955, in the shortest-augmenting-path form of Jonker and Volgenant
1987): one row is added at a time, along the cheapest alternating path. O(n² m) for n rows, n <= m.
"""

import numpy as np

from traffic.boxes import Floats

Pairs = list[tuple[int, int]]


def assign(cost: Floats) -> Pairs:
    """Pairs (row, column) of least total cost; every row or every column is used, whichever are fewer."""
    rows, columns = cost.shape
    if rows == 0 or columns == 0:
        return []
    if rows > columns:
        return sorted((row, column) for column, row in assign(cost.T))
    row_of = _solve(cost)
    return sorted((int(row_of[column]), column) for column in range(columns) if row_of[column] >= 0)


def assign_within(cost: Floats, limit: float) -> Pairs:
    """Like `assign`, but a pair that costs `limit` or more is worse than leaving both alone."""
    capped = np.where(cost < limit, cost, max(limit, 1.0) * 1e3)
    return [(row, column) for row, column in assign(capped) if cost[row, column] < limit]


def _solve(cost: Floats) -> Floats:
    """For each column its row, or -1. Column `columns` is the artificial one each path starts from."""
    rows, columns = cost.shape
    row_price = np.zeros(rows)
    column_price = np.zeros(columns + 1)
    row_of = np.full(columns + 1, -1)
    for row in range(rows):
        row_of[columns] = row
        came_from, end = _cheapest_path(cost, row_price, column_price, row_of)
        while end != columns:
            row_of[end] = row_of[came_from[end]]
            end = came_from[end]
    return row_of


def _cheapest_path(cost: Floats, row_price: Floats, column_price: Floats, row_of: Floats) -> tuple[Floats, int]:
    """Grow a tree of tight edges until it reaches a free column; prices are changed in place."""
    columns = cost.shape[1]
    slack = np.full(columns, np.inf)
    came_from = np.full(columns, columns)
    visited = np.zeros(columns + 1, dtype=bool)
    here = columns
    while row_of[here] >= 0:
        visited[here] = True
        row = row_of[here]
        free = ~visited[:columns]
        reduced = cost[row] - row_price[row] - column_price[:columns]
        better = free & (reduced < slack)
        slack[better] = reduced[better]
        came_from[better] = here
        following = int(np.argmin(np.where(free, slack, np.inf)))
        step = slack[following]
        row_price[row_of[visited]] += step
        column_price[visited] -= step
        slack[free] -= step
        here = following
    return came_from, here
