"""The values of a search's next trial: a pure function of the seed and of the trials that are recorded.

Random numbers are digests of seed, trial and name; Halton's are a sequence that fills the space evenly. Optuna's
sampler (`tpe`, an extra) is in a file of its own. Whoever asks, wherever, and after whatever restart, gets the same
values; and once a trial is claimed its record holds them.
"""

import math
from collections.abc import Mapping, Sequence
from hashlib import blake2b

from flow.points.points import NoPoints
from flow.points.search_by_optuna import by_optuna
from flow.points.search_mistakes import unsearchable, whole
from flow.points.search_ranges import Trial, at_step, edges, rounded, steps
from schema.execution import Execution
from schema.inputs import Input, Value
from schema.search import SearchRange, TrialSearch

ENOUGH = 3
"""Trials that succeed without the metric, before it counts as one that never comes."""
_PRIMES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103,
           107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167, 173, 179, 181, 191, 193, 197, 199, 211, 223,
           227, 229)  # fmt: skip


def proposed(search: TrialSearch, number: int, trials: Sequence[Trial], specs: Mapping[str, Input]) -> dict[str, Value]:
    """The values of that trial. NoPoints, where this node cannot tell them."""
    for _, what in unsearchable(search, specs):
        raise NoPoints(f"search: {what}")
    if search.method == "tpe":
        return by_optuna(search, number, sorted(trials, key=lambda each: each.number), specs)
    share = _random if search.method == "random" else _halton
    return {
        name: _scaled(each, share(search.seed, number, at, name), whole(name, specs))
        for at, (name, each) in enumerate(search.space.items())
    }


def measure_of(search: TrialSearch, execution: Execution) -> float | None:
    """The metric that is searched by; else the value of that name."""
    if execution.result is None:
        return None
    named, result = search.objective.metric, execution.result
    found: object = result.metrics.get(named, result.values.get(named))
    if not isinstance(found, int | float) or isinstance(found, bool):
        return None
    try:
        return float(found) if math.isfinite(found) else None
    except OverflowError:
        return None


def best(search: TrialSearch, results: Sequence[Execution]) -> Execution | None:
    """Of equals the first."""
    measured = [(measure, e) for e in results if (measure := measure_of(search, e)) is not None]
    if not measured:
        return None
    sign = 1 if search.objective.goal == "maximize" else -1
    return max(measured, key=lambda each: (sign * each[0], -each[1].execution))[1]


def never_comes(search: TrialSearch, results: Sequence[Execution]) -> str:
    """Why no further trial is worth its time; nothing as long as there is hope."""
    if len(results) < min(ENOUGH, search.trials) or any(measure_of(search, e) is not None for e in results):
        return ""
    named = sorted({name for e in results if e.result for name in (*e.result.metrics, *e.result.values)})
    there = f"; there is {', '.join(named[:20])}" if named else "; they gave no metrics at all"
    return f"search: none of {len(results)} trials has given the metric {search.objective.metric!r}{there}"


# numbers between 0 and 1


def _random(seed: int, number: int, at: int, name: str) -> float:
    digest = blake2b(f"{seed} {number} {name}".encode(), digest_size=8).digest()
    return (int.from_bytes(digest, "big") >> 11) / 2**53


def _halton(seed: int, number: int, at: int, name: str) -> float:
    """Shifted by the seed, and back into the unit interval at its end."""
    base, index, share, found = _PRIMES[at], number, 1.0, 0.0
    while index:
        share /= base
        found += share * (index % base)
        index //= base
    return (found + _random(seed, 0, at, name)) % 1.0


def _scaled(each: SearchRange, share: float, whole: bool) -> Value:
    if each.options:
        return each.options[min(int(share * len(each.options)), len(each.options) - 1)]
    if each.step:
        count = steps(each)
        return at_step(each, min(int(share * count), count - 1), whole)
    low, high = edges(each, whole)
    if each.log:
        low, high = (math.log(each.min or 1), math.log(each.max or 1))
        return rounded(each, math.exp(low + share * (high - low)), whole)
    return (
        int(low) + min(int(share * (high - low + 1)), int(high - low))
        if whole
        else rounded(each, low + share * (high - low), whole)
    )
