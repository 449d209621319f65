"""What of a stage's points and condition can never hold, found without running anything, each at its place."""

from collections.abc import Iterator

from flow.fold.graph import graph_of
from flow.fold.interpolation import names_of
from flow.points.points import unfit
from flow.points.search_mistakes import unsearchable
from schema.condition import INPUT, VALUE, ConditionError, holds, names, parse
from schema.inputs import Input, InputKind
from schema.pipeline import Pipeline, Stage
from schema.suggest import did_you_mean

Where = tuple[str | int, ...]

_SAMPLES: dict[InputKind, object] = {InputKind.NUMBER: 1, InputKind.INTEGER: 1, InputKind.BOOLEAN: True}
"""A value of each kind of input; all others are texts."""


def graph_mistakes(pipeline: Pipeline, stage: Stage) -> Iterator[tuple[Where, str]]:
    """(path in the stage, what)."""
    above = graph_of(pipeline).above[stage.name]
    if stage.parallel:
        for name, at, what in unfit(stage, stage.parallel, pipeline.inputs):
            yield ("parallel", "matrix", name, at), what
        if stage.parallel.search:
            for path, what in unsearchable(stage.parallel.search, pipeline.inputs):
                yield ("parallel", "search", *path), f"stage {stage.name!r}: {what}"
        giver = stage.parallel.giver
        if giver and giver[0] not in above:
            hint = did_you_mean(giver[0], above)
            yield ("parallel", "for_each"), f"{giver[0]!r} is no earlier stage that {stage.name!r} needs{hint}"
    if stage.condition is not None:
        yield from ((("if",), what) for what in _of_condition(pipeline, stage, stage.condition, above))
    if stage.repeat is not None:
        own, until = above | {stage.name}, stage.repeat.condition_of(stage.name)
        yield from ((("repeat", "until"), what) for what in _of_condition(pipeline, stage, until, own))


def _of_condition(pipeline: Pipeline, stage: Stage, text: str, above: frozenset[str]) -> Iterator[str]:
    condition = parse(text)
    known = {**pipeline.inputs, **dict.fromkeys(_pointed(stage), Input())}
    unknown = [what for name in names(condition) if (what := _unknown(name, known, above))]
    yield from unknown
    values = any(VALUE.fullmatch(name) for name in names(condition))
    if unknown or values or any(name.removeprefix("inputs.") in _pointed(stage) for name in names(condition)):
        return  # of what kind these are, nobody knows yet
    try:
        holds(condition, lambda name: _SAMPLES.get(known[name.removeprefix("inputs.")].type, ""))
    except ConditionError as error:
        yield str(error)


def _pointed(stage: Stage) -> tuple[str, ...]:
    matrix = stage.parallel
    return () if matrix is None else names_of(matrix)


def _unknown(name: str, inputs: dict[str, Input], above: frozenset[str]) -> str | None:
    if match := INPUT.fullmatch(name):
        return None if match[1] in inputs else f"{name}: no such input{did_you_mean(match[1], inputs)}"
    match = VALUE.fullmatch(name)
    if match is None or match[1] in above:
        return None
    return f"{name}: {match[1]!r} is no earlier stage that it needs{did_you_mean(match[1], above)}"
