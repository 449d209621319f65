"""`method: tpe`: Optuna's sampler, an extra, over the recorded trials in their order.

It is asked anew each time, with a seed of the trial's own. What is cut into steps or listed is given to it by place,
so that no rounding decides whether a recorded value is one of its values.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import Any

from flow.points.points import NoPoints
from flow.points.search_mistakes import as_given, whole
from flow.points.search_ranges import Trial, at_step, edges, rounded, steps
from schema.inputs import Input, Value
from schema.search import SearchRange, TrialSearch

MOST_SEEN = 200
"""It looks at so many of the newest trials: with each more it takes longer, and learns less."""
MOST_AT_ONCE = 8
"""Trials that are proposed before one of them is claimed: each takes tens of milliseconds."""

_Recorded = tuple[tuple[tuple[str, Value], ...], float | None]


@dataclass(frozen=True, slots=True)
class _Axis:
    """One name as Optuna sees it. `inner` raises ValueError or TypeError for what is none of its values."""

    distribution: Any
    outer: Callable[[Any], Value]
    inner: Callable[[Any], Any]


def by_optuna(
    search: TrialSearch, number: int, trials: Sequence[Trial], specs: Mapping[str, Input]
) -> dict[str, Value]:
    """The values of that trial; `trials` are by number. NoPoints without Optuna."""
    seen = [each for each in trials if not each.over or each.measure is not None][-MOST_SEEN:]
    recorded = tuple((tuple(each.values.items()), each.measure) for each in seen)
    ranges = {name: as_given(name, each, specs) for name, each in search.space.items()}
    wholes = frozenset(name for name in ranges if whole(name, specs))
    given = search.model_copy(update={"space": ranges})
    return dict(_asked(_Key(given.model_dump_json(), given), number, recorded, wholes))


class _Key(str):
    """A search by all that it says."""

    search: TrialSearch

    def __new__(cls, text: str, search: TrialSearch) -> "_Key":
        key = super().__new__(cls, text)
        key.search = search
        return key


@lru_cache(512)
def _asked(key: _Key, number: int, recorded: tuple[_Recorded, ...], wholes: frozenset[str]) -> Mapping[str, Value]:
    try:
        import optuna
    except ImportError:
        raise NoPoints(
            "search: `method: tpe` needs Optuna on the node, pip install 'winslow-controller[search]'; "
            "random and halton need nothing"
        ) from None
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    search = key.search
    axes = {name: _axis(each, name in wholes) for name, each in search.space.items()}
    seed = int.from_bytes(blake2b(f"{search.seed} {number}".encode(), digest_size=4).digest(), "big")
    sampler = optuna.samplers.TPESampler(seed=seed, constant_liar=True)
    study = optuna.create_study(sampler=sampler, direction=search.objective.goal)
    for values, measure in recorded:
        if (params := _inner(axes, dict(values))) is not None:
            state = optuna.trial.TrialState.RUNNING if measure is None else optuna.trial.TrialState.COMPLETE
            distributions = {name: axis.distribution for name, axis in axes.items()}
            study.add_trial(
                optuna.trial.create_trial(params=params, distributions=distributions, value=measure, state=state)
            )
    asked = study.ask({name: axis.distribution for name, axis in axes.items()})
    return {name: axis.outer(asked.params[name]) for name, axis in axes.items()}


def _inner(axes: Mapping[str, _Axis], values: Mapping[str, Value]) -> dict[str, Any] | None:
    """None for a record that holds none of the search's values: nothing is learnt from it."""
    try:
        return {name: axis.inner(values[name]) for name, axis in axes.items()}
    except (KeyError, TypeError, ValueError, OverflowError):
        return None


def _axis(each: SearchRange, whole: bool) -> _Axis:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if each.options:
        places = CategoricalDistribution(list(range(len(each.options))))
        return _Axis(places, lambda place: each.options[place], each.options.index)
    low, high = edges(each, whole)
    if each.step:
        count, begin, step = steps(each), low, each.step
        return _Axis(
            IntDistribution(0, count - 1),
            lambda place: at_step(each, place, whole),
            lambda value: min(max(round((value - begin) / step), 0), count - 1),
        )
    return _Axis(
        IntDistribution(int(low), int(high), log=each.log) if whole else FloatDistribution(low, high, log=each.log),
        lambda value: rounded(each, value, whole),
        lambda value: min(max(value, low), high),
    )
