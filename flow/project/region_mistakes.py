"""Regions that can never be drawn: their picture is no file input, or is left by no stage above."""

from collections.abc import Iterator, Mapping

from flow.fold.graph import graph_of
from schema.inputs import Input, InputKind
from schema.pipeline import Pipeline
from schema.suggest import did_you_mean

Where = tuple[str | int, ...]


def region_mistakes(pipeline: Pipeline) -> Iterator[tuple[Where, str]]:
    """(path in the pipeline, what). A start may show what any stage left before; a gate what those above it leave."""
    every = frozenset(stage.name for stage in pipeline.stages)
    yield from _among(("inputs",), pipeline.inputs, pipeline.inputs, every)
    for at, stage in enumerate(pipeline.stages):
        if any(spec.on for spec in stage.inputs.values()):
            known = {**pipeline.inputs, **stage.inputs}
            yield from _among(("stages", at, "inputs"), stage.inputs, known, graph_of(pipeline).above[stage.name])


def _among(
    where: Where, specs: Mapping[str, Input], known: Mapping[str, Input], stages: frozenset[str]
) -> Iterator[tuple[Where, str]]:
    for name, spec in specs.items():
        if spec.on and (what := _wrong(spec.on, known, stages)):
            yield (*where, name, "on"), f"input {name}: {what}"


def _wrong(on: str, known: Mapping[str, Input], stages: frozenset[str]) -> str:
    kind, _, rest = on.partition(".")
    if kind == "inputs":
        files = [name for name, spec in known.items() if spec.type is InputKind.FILE]
        return "" if rest in files else f"{on}: there is no such input of `type: file`{did_you_mean(rest, files)}"
    stage = rest.partition("/")[0]
    return "" if stage in stages else f"{on}: {stage!r} is no stage that ran before{did_you_mean(stage, stages)}"
