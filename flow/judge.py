"""What can be said of a pipeline that parses, without running it: what can never hold, each at its place."""

from collections.abc import Iterator
from typing import Any

from flow.interpolate import mistakes
from schema.codec import Parsed, Path
from schema.errors import Problem
from schema.pipeline import Pipeline


def misnamed(pipeline: Pipeline, name: str, parsed: Parsed) -> Iterator[Problem]:
    """It stands in the file of another name."""
    if pipeline.name != name:
        yield parsed.problem(("name",), f"its name is {pipeline.name!r}, its file says {name!r}")


def unfilled(pipeline: Pipeline, parsed: Parsed) -> Iterator[Problem]:
    """Places `$[[ … ]]` that can have no value."""
    for stage, what in mistakes(pipeline):
        yield parsed.problem(_where(parsed.value, pipeline.index(stage), what), f"stage {stage!r}: {what}")


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
