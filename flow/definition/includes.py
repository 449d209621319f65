"""Stages that a pipeline takes from another one: `include`. Resolved once: everything else knows plain pipelines.

An included stage keeps what it needs, and gets its pipeline's environment below its own. With a prefix its name
changes, and so does every place that names it.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from flow.fold.interpolation import mistakes
from flow.project.graph_mistakes import graph_mistakes
from schema import layout
from schema.errors import Misplaced
from schema.pipeline import Include, Need, Pipeline, Stage, WorkspaceOf
from schema.suggest import did_you_mean

MOST = 10
"""Includes below each other."""
_NAMED = re.compile(r"\bstages\.([a-z0-9][a-z0-9._-]*?)\.values\.")
Lookup = Callable[[str, str], Pipeline | None]
"""The pipeline of a name as it is written, now or at a commit of `main`."""


class BadInclude(ValueError):
    """It cannot be included; the text names the other file. `at` is which include it is."""

    def __init__(self, at: int, text: str) -> None:
        super().__init__(text)
        self.at = at


def resolved(pipeline: Pipeline, lookup: Lookup, ref: str = "", way: tuple[str, ...] = ()) -> Pipeline:
    """The same without an include. BadInclude."""
    if not pipeline.include:
        return pipeline
    way = (*way, _file(pipeline.name, ref))
    stages: list[Stage] = []
    inputs: dict[str, Any] = {}
    for at, include in enumerate(pipeline.include):
        found = _found(at, include, lookup, ref, way)
        inputs |= found.inputs
        stages += _taken(at, include, found)
    try:
        whole = Pipeline(
            name=pipeline.name,
            description=pipeline.description,
            env=pipeline.env,
            inputs={**inputs, **pipeline.inputs},
            fail_fast=pipeline.fail_fast,
            stages=(*stages, *pipeline.stages),
        )
    except (ValueError, Misplaced) as error:
        files = ", ".join(_file(each.pipeline, each.ref) for each in pipeline.include)
        raise BadInclude(0, f"together with {files}: {_plain(error)}") from None
    if len(way) == 1 and (mistake := next(_mistakes(whole), "")):
        raise BadInclude(0, mistake)
    return whole


def _mistakes(whole: Pipeline) -> Iterator[str]:
    for stage, what in mistakes(whole):
        yield f"stage {stage!r}: {what}"
    for each in whole.stages:
        yield from (f"stage {each.name!r}: {what}" for _, what in graph_mistakes(whole, each))


def _plain(error: ValueError) -> str:
    """Of pydantic's report the sentence that we wrote."""
    details = getattr(error, "errors", None)
    found = details(include_url=False) if details else []
    return str(found[0]["msg"]).removeprefix("Value error, ") if found else str(error)


def _file(name: str, ref: str) -> str:
    return f"{layout.pipeline(name)}{f' at {ref[:12]}' if ref else ''}"


def _found(at: int, include: Include, lookup: Lookup, ref: str, way: tuple[str, ...]) -> Pipeline:
    commit = include.ref or ref
    file = _file(include.pipeline, commit)
    if file in way:
        raise BadInclude(at, f"it includes itself: {' includes '.join([*way, file])}")
    if len(way) >= MOST:
        raise BadInclude(at, f"{file}: more than {MOST} includes below each other")
    found = lookup(include.pipeline, commit)
    if found is None:
        raise BadInclude(at, f"there is no {file} that can be read")
    try:
        return resolved(found, lookup, commit, way)
    except BadInclude as error:
        raise BadInclude(at, f"{file}: {error}") from None


def _taken(at: int, include: Include, found: Pipeline) -> list[Stage]:
    file, names = _file(include.pipeline, include.ref), [stage.name for stage in found.stages]
    wanted = include.stages or tuple(names)
    for name in wanted:
        if name not in names:
            raise BadInclude(at, f"{file} has no stage {name!r}{did_you_mean(name, names)}")
    renamed = {name: f"{include.prefix}{name}" for name in wanted}
    return [_as_part(at, stage, found, file, renamed) for stage in found.stages if stage.name in renamed]


def _as_part(at: int, stage: Stage, found: Pipeline, file: str, renamed: Mapping[str, str]) -> Stage:
    needs = found.needs(stage.name)
    if stage.needs is None:  # of a row the one before it that is taken
        before = [other.name for other in found.stages[: found.index(stage.name)] if other.name in renamed]
        needs = tuple(Need(stage=name) for name in before[-1:])
    left_out = [need.stage for need in needs if need.stage not in renamed]
    if left_out:
        raise BadInclude(at, f"{file}: stage {stage.name!r} needs {left_out[0]!r}, which `stages` leaves out")
    kept = tuple(Need(stage=renamed[need.stage], optional=need.optional) for need in needs)
    plain = stage.model_dump(by_alias=True, exclude_defaults=True)
    texts = {key: _renamed(at, file, plain[key], renamed) for key in plain if key not in ("name", "inputs", "needs")}
    if isinstance(stage.workspace, WorkspaceOf):
        texts["workspace"] = {"from": renamed.get(stage.workspace.stage, stage.workspace.stage)}
    env = _renamed(at, file, {**found.env, **stage.env}, renamed)
    try:
        return Stage.model_validate(
            {**texts, "name": renamed[stage.name], "inputs": stage.inputs, "needs": kept, "env": env}
        )
    except ValueError as error:
        raise BadInclude(at, f"{file}: stage {renamed[stage.name]!r}: {_plain(error)}") from None


def _renamed(at: int, file: str, value: Any, renamed: Mapping[str, str]) -> Any:
    """With the new names wherever a stage's values are named."""
    if isinstance(value, str):
        for name in _NAMED.findall(value):
            if name not in renamed:
                raise BadInclude(at, f"{file}: {value[:60]!r} names stage {name!r}, which `stages` leaves out")
        return _NAMED.sub(lambda match: f"stages.{renamed[match[1]]}.values.", value)
    if isinstance(value, Mapping):
        return {key: _renamed(at, file, inner, renamed) for key, inner in value.items()}
    if isinstance(value, Sequence):
        return tuple(_renamed(at, file, inner, renamed) for inner in value)
    return value


def all_resolved(written: Mapping[str, Pipeline], lookup: Lookup) -> tuple[dict[str, Pipeline], dict[str, BadInclude]]:
    """Every pipeline without includes, and why some cannot be."""
    good: dict[str, Pipeline] = {}
    wrong: dict[str, BadInclude] = {}
    for name, pipeline in written.items():
        try:
            good[name] = resolved(pipeline, lookup)
        except BadInclude as error:
            wrong[name] = error
    return good, wrong
