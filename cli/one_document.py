"""`validate FILE`: one document, in a working copy or alone, from a file or from standard input."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cli.errors import CommandError
from cli.streams import standard_input

STANDARD_INPUT = "-"


def working_copy(file: Path) -> tuple[Path, str] | None:
    """The state repository's working copy around a file, and the file's path in it."""
    full = file.absolute()
    root = next((folder for folder in full.parents if (folder / "winslow.yaml").is_file()), None)
    return (root, str(full.relative_to(root))) if root else None


def checked(file: Path, place: str) -> tuple[list[str], list[str]]:
    """Problems and notes of a document that is in no working copy. `place` is its path in the repository, or empty."""
    from cli.validate import pipeline_problems
    from schema.binding import bind
    from schema.codec import load
    from schema.documents import KINDS
    from schema.errors import DocumentError
    from schema.pipeline import Pipeline

    shown = "standard input" if str(file) == STANDARD_INPUT else str(file)
    kind, owner = _kind_at(place) if place else ("", "")
    try:
        parsed = load(_text(file), shown)
        document = bind(KINDS[kind or _kind(parsed.value, shown)], parsed)
    except DocumentError as error:
        return [str(problem) for problem in error.problems], []
    if not isinstance(document, Pipeline):
        return [], []
    return list(map(str, pipeline_problems(parsed, document, owner or document.name))), []


def _kind_at(place: str) -> tuple[str, str]:
    """The kind of document that has this path, and the name in it."""
    from schema import layout, misplaced

    found = layout.place_on_main(place)
    if not found:
        why = misplaced.misplaced(place) or "no document has this path; pipelines/NAME.yaml is one of a pipeline"
        raise CommandError(f"--as {place[:200]}: {why}", 2)
    return found.kind, found.owner


def _kind(value: Any, shown: str) -> str:
    """The kind of document whose keys these are. CommandError where no kind has them, or several."""
    if isinstance(value, Mapping) and "request" in value:
        return "request"
    keys = set(value) if isinstance(value, Mapping) else set()
    fits = {kind: len(known & keys) for kind, known in _keys()}
    best = max(fits.values())
    kinds = [kind for kind, count in fits.items() if count == best]
    if not best or len(kinds) > 1:
        raise CommandError(f"{shown}: what kind of document is it? Say where it belongs: --as pipelines/NAME.yaml", 2)
    return kinds[0]


def _keys() -> Iterator[tuple[str, set[str]]]:
    from schema.documents import KINDS
    from schema.published import PUBLISHED

    kinds = {model: kind for kind, model in KINDS.items() if kind != "definition"}
    for model in PUBLISHED.values():
        yield kinds[model], {field.alias or name for name, field in model.model_fields.items()}


def _text(file: Path) -> str | bytes:
    from schema.codec import MAX_BYTES

    if str(file) == STANDARD_INPUT:
        return standard_input(MAX_BYTES)
    with file.open("rb") as opened:
        return opened.read(MAX_BYTES + 1)
