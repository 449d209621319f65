"""`--input roi=@lanes.json`: a region that lies in a file. Of other inputs `@` is a sign like any other."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.errors import CommandError

if TYPE_CHECKING:
    from schema.inputs import Input
    from schema.pipeline import Pipeline

MOST_BYTES = 256 * 1024


def specs_of(*pipelines: "Pipeline | None") -> "dict[str, Input]":
    """What pipelines ask for, at a start and at their gates; the first that says a name holds."""
    found: dict[str, Input] = {}
    for pipeline in pipelines:
        for specs in (pipeline.inputs, *(stage.inputs for stage in pipeline.stages)) if pipeline else ():
            found = {**specs, **found}
    return found


def with_files(inputs: Mapping[str, Any], specs: "Mapping[str, Input]") -> dict[str, Any]:
    """The inputs, with what files hold in the place of `@FILE`. CommandError."""
    from schema.inputs import InputKind

    def value(name: str, said: Any) -> Any:
        drawn = name in specs and specs[name].type is InputKind.REGION
        return _content(name, said[1:]) if drawn and isinstance(said, str) and said.startswith("@") else said

    return {name: value(name, said) for name, said in inputs.items()}


def _content(name: str, path: str) -> str:
    try:
        with Path(path).open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
        text = raw.decode("utf-8-sig")
    except OSError as error:
        raise CommandError(f"--input {name}: {path} cannot be read: {error.strerror}", 2) from None
    except UnicodeDecodeError:
        raise CommandError(f"--input {name}: {path} is no UTF-8 text; a region is JSON", 2) from None
    if len(raw) > MOST_BYTES:
        raise CommandError(f"--input {name}: {path} is larger than {MOST_BYTES} bytes", 2)
    return text.strip()
