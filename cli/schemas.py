"""Verb `schema`: JSON Schemas of the documents that people write, for editors."""

from pathlib import Path
from typing import Annotated

import typer

from cli import output
from cli.errors import CommandError

FOLDER = ".winslow"
"""Where a state repository keeps them, beside its documents; `init` puts them there."""


def add_to(app: typer.Typer) -> None:
    app.command("schema")(schema)


def schema(
    name: Annotated[str, typer.Argument(help="pipeline, project, request, comment, node, trigger or winslow")] = "",
    write: Annotated[
        Path | None, typer.Option("--write", help=f"a folder to write all of them to: {FOLDER} of a working copy")
    ] = None,
) -> None:
    """The JSON Schema of a kind of document, or which there are. An editor checks and completes with it.

    In a document: `# yaml-language-server: $schema=../.winslow/pipeline.schema.json`.
    Example: winslowctl schema pipeline     winslowctl schema --write .winslow
    """
    from schema.published import PLACES, text
    from schema.suggest import did_you_mean

    if write is not None:
        _write(write)
    elif name:
        if name not in PLACES:
            known = f"there are {', '.join(PLACES)}"
            raise CommandError(f"there is no schema {name[:60]!r}{did_you_mean(name, PLACES) or f'; {known}'}", 2)
        print(text(name), end="")
    else:
        rows = [{"schema": name, "place": place, "file": _installed(name)} for name, place in PLACES.items()]
        if not output.for_programs(rows):
            cells = [[output.shown(row[key] or "") for key in ("schema", "place", "file")] for row in rows]
            output.table(("SCHEMA", "OF", "FILE"), cells, empty="none")


def _installed(name: str) -> str | None:
    """The file that came with this installation, for an editor that is told where schemas are."""
    from schema import published

    beside = Path(published.__file__).parent
    places = (beside / "json", beside.parent / published.FOLDER)
    file = next((found for folder in places if (found := folder / f"{name}.schema.json").is_file()), None)
    return str(file) if file else None


def _write(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, text in files("").items():
            (folder / path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise CommandError(f"the schemas cannot be written to {folder}: {error.strerror}") from None


def files(folder: str = f"{FOLDER}/") -> dict[str, str]:
    """All of them as files of a repository."""
    from schema.published import PLACES, text

    return {f"{folder}{name}.schema.json": text(name) for name in PLACES}
