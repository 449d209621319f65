"""The values of a search's next trial: a pure function of the seed and of the trials that are recorded.

Random numbers are digests of seed, trial and name; Halton's are a sequence that fills the space evenly. Optuna's
sampler (`tpe`, an extra) is given the recorded trials in their order. Whoever asks, wherever, and after whatever
restart, gets the same values; and once a trial is claimed its record holds them.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from flow.project.points import NoPoints, Point
from schema.execution import Execution
from schema.inputs import Input, InputKind, Value
from schema.search import SearchRange, TrialSearch

ENOUGH = 3
"""Trials that succeed without the metric, before it counts as one that never comes."""
_PRIMES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103,
           107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167, 173, 179, 181, 191, 193, 197, 199, 211, 223,
           227, 229)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Trial:
    """One that was claimed. `measure` is what it came to; None while it runs, or where it came to nothing."""

    number: int
    values: Point
    measure: float | None = None
    over: bool = False


def proposed(search: TrialSearch, number: int, trials: Sequence[Trial], specs: Mapping[str, Input]) -> dict[str, Value]:
    """The values of that trial. NoPoints, where this node cannot tell them."""
    if search.method == "tpe":
        found = _by_optuna(search, number, sorted(trials, key=lambda each: each.number), specs)
    else:
        share = _random if search.method == "random" else _halton
        found = {
            name: _scaled(each, share(search.seed, number, at, name), _whole(name, each, specs))
            for at, (name, each) in enumerate(search.space.items())
        }
    return found


def measure_of(search: TrialSearch, execution: Execution) -> float | None:
    """The metric that is searched by; else the value of that name."""
    if execution.result is None:
        return None
    named, result = search.objective.metric, execution.result
    found: object = result.metrics.get(named, result.values.get(named))
    if not isinstance(found, int | float) or isinstance(found, bool):
        return None
    return float(found) if math.isfinite(found) else None


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
    assert each.min is not None
    assert each.max is not None
    if each.step:
        count = math.floor((each.max - each.min) / each.step + 1e-9) + 1
        return _rounded(each.min + each.step * min(int(share * count), count - 1), whole)
    if each.log:
        return _rounded(math.exp(math.log(each.min) + share * (math.log(each.max) - math.log(each.min))), whole)
    if whole:
        low, high = math.ceil(each.min), math.floor(each.max)
        return low + min(int(share * (high - low + 1)), high - low)
    return _rounded(each.min + share * (each.max - each.min), whole)


def _rounded(value: float, whole: bool) -> Value:
    """Twelve digits: more are noise of the arithmetic, and differ between machines."""
    return round(value) if whole else float(f"{value:.12g}")


def _whole(name: str, each: SearchRange, specs: Mapping[str, Input]) -> bool:
    return name in specs and specs[name].type is InputKind.INTEGER


# Optuna


def _by_optuna(
    search: TrialSearch, number: int, trials: Sequence[Trial], specs: Mapping[str, Input]
) -> dict[str, Value]:
    try:
        import optuna
    except ImportError:
        raise NoPoints(
            "search: `method: tpe` needs Optuna on the node, pip install 'winslow-controller[search]'; "
            "random and halton need nothing"
        ) from None
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    seed = int.from_bytes(blake2b(f"{search.seed} {number}".encode(), digest_size=4).digest(), "big")
    sampler = optuna.samplers.TPESampler(seed=seed, constant_liar=True)
    study = optuna.create_study(sampler=sampler, direction=search.objective.goal)
    ranges = {name: _distribution(each, _whole(name, each, specs)) for name, each in search.space.items()}
    for trial in trials:
        if not trial.over or trial.measure is not None:
            study.add_trial(_recorded(optuna, trial, ranges))
    asked = study.ask(ranges)
    return {name: _plain(asked.params[name], _whole(name, each, specs)) for name, each in search.space.items()}


def _plain(value: Value, whole: bool) -> Value:
    return _rounded(value, whole) if isinstance(value, float) else value


def _distribution(each: SearchRange, whole: bool):  # type: ignore[no-untyped-def]
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if each.options:
        return CategoricalDistribution(list(each.options))
    assert each.min is not None
    assert each.max is not None
    if whole:
        return IntDistribution(math.ceil(each.min), math.floor(each.max), log=each.log, step=int(each.step or 1))
    return FloatDistribution(each.min, each.max, log=each.log, step=each.step)


def _recorded(optuna, trial: Trial, ranges):  # type: ignore[no-untyped-def]
    """Values that lie outside of the range by a rounding are put back to its edge."""
    params = {}
    for name, each in ranges.items():
        value = trial.values[name]
        low, high = getattr(each, "low", None), getattr(each, "high", None)
        params[name] = value if low is None else min(max(value, low), high)
    state = optuna.trial.TrialState.COMPLETE if trial.measure is not None else optuna.trial.TrialState.RUNNING
    return optuna.trial.create_trial(params=params, distributions=ranges, value=trial.measure, state=state)
