"""The points of a stage: the combinations of a matrix, or the entries of a list that an earlier stage gave."""

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence

from flow.model.memo import Memo
from schema.inputs import Input, InputError, Value, fit
from schema.pipeline import MOST_POINTS, Matrix, Stage
from schema.services import EnvValue

Point = Mapping[str, Value]
"""The values of one point, by name."""


class NoPoints(ValueError):
    """The list is none, or one of its values does not fit; the text says why."""


def _of_matrix(matrix: Matrix) -> tuple[dict[str, EnvValue], ...]:
    lists = matrix.matrix or {}
    every = (dict(zip(lists, values, strict=True)) for values in itertools.product(*lists.values()))
    return tuple(point for point in every if not any(_within(excluded, point) for excluded in matrix.exclude))


combinations: Memo[Matrix, tuple[dict[str, EnvValue], ...]] = Memo(_of_matrix, 4096)
"""In the order of the lists, the last one turning fastest, without what is excluded."""


def _within(excluded: Mapping[str, EnvValue], point: Mapping[str, EnvValue]) -> bool:
    return all(point[name] == value for name, value in excluded.items())


def listed(stage: str, key: str, values: Mapping[str, object]) -> Sequence[EnvValue]:
    """The list that a stage gave as a value. NoPoints."""
    given = values.get(key)
    if given is None:
        raise NoPoints(f"stage {stage!r} has given no value {key!r}")
    found = _parsed(given)
    if not isinstance(found, list | tuple):
        raise NoPoints(f"the value {key!r} of stage {stage!r} is no JSON list: {str(given)[:60]}")
    if len(found) > MOST_POINTS:
        raise NoPoints(f"the value {key!r} of stage {stage!r} has {len(found)} entries; {MOST_POINTS} are permitted")
    for entry in found:
        if not isinstance(entry, str | int | float | bool):
            raise NoPoints(f"the value {key!r} of stage {stage!r} holds more than texts and numbers: {str(entry)[:60]}")
    return found


def _parsed(given: object) -> object:
    if not isinstance(given, str):
        return given
    try:
        return json.loads(given)
    except (ValueError, RecursionError):
        return None


def fitted(point: Mapping[str, EnvValue], specs: Mapping[str, Input]) -> dict[str, Value]:
    """The values of a point; those that the pipeline declares as inputs as their types. NoPoints."""
    try:
        return {name: fit(specs[name], value, name) if name in specs else value for name, value in point.items()}
    except InputError as error:
        raise NoPoints(str(error)) from None


def unfit(stage: Stage, matrix: Matrix, specs: Mapping[str, Input]) -> Iterator[tuple[str, int, str]]:
    """(list, place in it, what) for each value of a matrix that is no value of the input of its name."""
    for name, values in (matrix.matrix or {}).items():
        for at, value in enumerate(values if name in specs else ()):
            try:
                fit(specs[name], value, name)
            except InputError as error:
                yield name, at, f"stage {stage.name!r}: {error}"
