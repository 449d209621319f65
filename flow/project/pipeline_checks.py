"""What can be said of a document that parses, without running it: what can never hold, each at its place."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from flow.fold.interpolation import mistakes
from flow.project.graph_mistakes import graph_mistakes
from flow.project.region_mistakes import region_mistakes
from schema import layout
from schema.asked_later import fit_inputs
from schema.codec import ParsedText, Path
from schema.errors import Problem
from schema.inputs import InputError
from schema.pipeline import Pipeline
from schema.project import Project
from schema.suggest import did_you_mean


def misnamed(pipeline: Pipeline, name: str, parsed: ParsedText) -> Iterator[Problem]:
    """It stands in the file of another name."""
    if pipeline.name != name:
        yield parsed.problem(("name",), f"its name is {pipeline.name!r}, its file says {name!r}")


def is_mistaken(pipeline: Pipeline) -> bool:
    """Whether `unfilled` finds anything. It can be said without knowing where things stand.

    Of a pipeline that includes another one it is said once both are known.
    """
    if pipeline.include:
        return False
    if any(mistakes(pipeline)) or any(region_mistakes(pipeline)):
        return True
    return any(any(graph_mistakes(pipeline, stage)) for stage in pipeline.stages)


def unfilled(pipeline: Pipeline, parsed: ParsedText) -> Iterator[Problem]:
    """Places `$[[ … ]]`, lists, points and conditions that can have no value, or none that fits."""
    if pipeline.include:
        return
    for stage, what in mistakes(pipeline):
        yield parsed.problem(_where(parsed.value, pipeline.index(stage), what), f"stage {stage!r}: {what}")
    for at, found in enumerate(pipeline.stages):
        for path, what in graph_mistakes(pipeline, found):
            yield parsed.problem(("stages", at, *path), what)
    for path, what in region_mistakes(pipeline):
        yield parsed.problem(path, what)


def unfitting(project: Project, parsed: ParsedText, pipelines: Mapping[str, Pipeline | None]) -> Iterator[Problem]:
    """An unknown pipeline, or inputs that do not fit it. What a commit pins is looked at when it is started.

    A pipeline that is there and cannot be read is None: of its inputs nothing can be said.
    """
    name, _, pinned = project.pipeline.partition("@")
    if pinned:
        return
    if name not in pipelines:
        hint = did_you_mean(name, list(pipelines))
        yield parsed.problem(("pipeline",), f"there is no pipeline {name!r}{hint}")
        return
    pipeline = pipelines[name]
    if pipeline is None:
        return
    for key, value in project.inputs.items():
        try:
            fit_inputs(pipeline, {key: value})
        except InputError as error:
            yield parsed.problem(("inputs", key), str(error))


def answered(path: str, names: Iterable[str]) -> Problem:
    """A request that was answered before it said what it says now. `names` are all requests and replies there are."""
    place = layout.place_on_main(path)
    name = f"{place.item}.yaml" if place else path
    free = layout.renumbered(name, layout.next_number(names))
    return Problem(path, 1, 1, f"{name} was answered already, so this has no effect; take the next number: {free}")


def alone(path: str) -> Problem:
    """A request in a folder without a project."""
    place = layout.place_on_main(path)
    project = layout.project(place.owner if place else "PROJECT")
    return Problem(path, 1, 1, f"nobody answers it: there is no project here, {project} is missing")


def _where(document: Any, stage: int, what: str) -> Path:
    """The text that holds the place which `what` begins with: in the stage, else in the pipeline's environment."""
    if not isinstance(document, dict):
        return ()
    place = what.removeprefix("$[[ ").partition(" ]]")[0]
    parts: list[tuple[Path, Any]] = [(("stages", stage), document["stages"][stage]), (("env",), document.get("env"))]
    for part, value in parts:
        for path, text in _leaves(value, part):
            if "$[[" in text and place in text:
                return path
    return ("stages", stage)


def _leaves(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _leaves(inner, (*path, key))
