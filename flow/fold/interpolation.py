"""`$[[ inputs.NAME ]]` and `$[[ stages.STAGE.values.KEY ]]` in commands, environment values and paths.

One argument stays one argument, nothing passes through a shell, and what was put in is not looked at again.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from flow.fold.graph import graph_of
from schema.globs import BadGlob, compiled
from schema.inputs import Input, Value
from schema.pipeline import Matrix, Pipeline, Stage
from schema.services import EnvValue, Service
from schema.suggest import did_you_mean

_PLACE = re.compile(r"\$\[\[\s*(.*?)\s*\]\]")
_INPUT = re.compile(r"inputs\.([a-z][a-z0-9_]*)")
_VALUE = re.compile(r"stages\.([a-z0-9][a-z0-9._-]*?)\.values\.([A-Za-z_][A-Za-z0-9_]*)")


class InterpolationError(ValueError):
    """A place names something that has no value; the text says which."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What places may name. `pool` is the directory of the pool inside the stage."""

    inputs: Mapping[str, Value] = field(default_factory=dict)
    specs: Mapping[str, Input] = field(default_factory=dict)
    values: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    pool: str = "/pool"

    def shown(self, name: str) -> str:
        """An input as text inside the stage: a file is its path, a boolean `true` or `false`."""
        value = self.inputs[name]
        spec = self.specs.get(name)
        if spec and spec.type.in_pool:
            return f"{self.pool}/{value}"
        return as_text(value)


def as_text(value: object) -> str:
    """A list, of what the points of a stage gave, as JSON."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | tuple | dict) else str(value)


def fill(text: str, scope: Scope) -> str:
    """The text with every place replaced. InterpolationError where a value is missing."""
    return _PLACE.sub(lambda match: _lookup(match[1], scope), text)


def _lookup(place: str, scope: Scope) -> str:
    if match := _INPUT.fullmatch(place):
        if match[1] not in scope.inputs:
            if match[1] in scope.specs:  # an optional input that was not given
                return ""
            raise InterpolationError(f"$[[ {place} ]]: no such input{did_you_mean(match[1], scope.specs)}")
        return scope.shown(match[1])
    if match := _VALUE.fullmatch(place):
        values = scope.values.get(match[1], {})
        if match[2] not in values:
            raise InterpolationError(f"$[[ {place} ]]: stage {match[1]!r} has no value {match[2]!r} in this chain")
        return as_text(values[match[2]])
    raise InterpolationError(f"$[[ {place[:60]} ]]: write inputs.NAME or stages.STAGE.values.KEY")


def command(stage: Stage, scope: Scope) -> tuple[str, ...]:
    return tuple(fill(part, scope) for part in stage.command)


def services(stage: Stage, scope: Scope) -> tuple[Service, ...]:
    """Each with its command and environment filled in."""
    return tuple(
        each.model_copy(
            update={
                "command": tuple(fill(part, scope) for part in each.command),
                "env": dict(environment(each.env, scope)),
            }
        )
        for each in stage.services
    )


def artifacts(stage: Stage, scope: Scope) -> tuple[str, ...]:
    """InterpolationError also where what was put in makes it no pattern."""
    return tuple(_pattern(path, fill(path, scope)) for path in stage.artifacts.paths)


def _pattern(path: str, filled: str) -> str:
    try:
        compiled(filled)
    except BadGlob as error:
        raise InterpolationError(f"the artifact {path!r}: {error}") from None
    return filled


def environment(values: Mapping[str, EnvValue], scope: Scope) -> dict[str, str]:
    return {name: fill(as_text(value), scope) for name, value in values.items()}


def input_environment(scope: Scope) -> dict[str, str]:
    """`INPUT_<NAME>` for each input that has a value."""
    return {f"INPUT_{name.upper()}": scope.shown(name) for name in scope.inputs}


def resolve(stage: Stage, layers: Mapping[str, Mapping[str, EnvValue]], scope: Scope) -> None:
    """Fill in everything a stage needs; InterpolationError if anything has no value."""
    command(stage, scope)
    artifacts(stage, scope)
    services(stage, scope)
    for layer in layers.values():
        environment(layer, scope)


def mistakes(pipeline: Pipeline) -> Iterator[tuple[str, str]]:
    """(stage, what) for each place that can never have a value, found without running anything."""
    for stage in pipeline.stages:
        known = {**pipeline.inputs, **stage.inputs, **_of_points(stage)}
        earlier = graph_of(pipeline).above[stage.name]
        for text in _texts(pipeline, stage):
            for match in _PLACE.finditer(text):
                if what := _mistake(match[1], known, earlier):
                    yield stage.name, what


def names_of(matrix: Matrix) -> tuple[str, ...]:
    """What each of its points gives a value."""
    return tuple(matrix.search.space if matrix.search else matrix.matrix or (matrix.name or "item",))


def _of_points(stage: Stage) -> dict[str, Input]:
    """Names that only the points of its matrix give a value."""
    matrix = stage.parallel
    named = () if matrix is None else names_of(matrix)
    return dict.fromkeys(named, Input())


def _texts(pipeline: Pipeline, stage: Stage) -> Iterator[str]:
    yield from stage.command
    yield from stage.artifacts.paths
    for each in stage.services:
        yield from each.command
        yield from (as_text(value) for value in each.env.values())
    yield from (as_text(value) for value in (*pipeline.env.values(), *stage.env.values()))


def _mistake(place: str, inputs: Mapping[str, Input], earlier: frozenset[str]) -> str | None:
    if match := _INPUT.fullmatch(place):
        return None if match[1] in inputs else f"$[[ {place} ]]: no such input{did_you_mean(match[1], inputs)}"
    if match := _VALUE.fullmatch(place):
        if match[1] in earlier:
            return None
        return f"$[[ {place} ]]: {match[1]!r} is no earlier stage that it needs{did_you_mean(match[1], earlier)}"
    return f"$[[ {place[:60]} ]]: write inputs.NAME or stages.STAGE.values.KEY"
