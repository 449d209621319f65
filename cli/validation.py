"""`validate`: what can be said of documents without running anything, each problem at its place."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli import output, settings
from cli.errors import CommandError

if TYPE_CHECKING:
    from schema.codec import Parsed
    from schema.errors import Problem
    from schema.pipeline import Pipeline
    from schema.project import Project


def add_to(app: typer.Typer) -> None:
    app.command()(validate)


def validate(
    path: Annotated[Path | None, typer.Argument(help="a folder; default: here, or the repository with --rev")] = None,
    rev: Annotated[str, typer.Option("--rev", help="a commit or branch of the state repository")] = "",
    hook: Annotated[bool, typer.Option("--hook", help="be the pre-receive hook: read `old new ref` lines")] = False,
) -> None:
    """Check every document: each problem is file:line:col: what. Exit code 1 if there are any. Commits nothing.

    Example: winslowctl validate .     winslowctl validate --rev main
    """
    if hook:
        from state.hook import main as be_the_hook

        raise typer.Exit(be_the_hook())
    texts = _texts(path, rev)
    problems, notes = check(texts)
    if not output.for_programs({"files": len(texts), "problems": problems, "notes": notes}):
        for text in [*problems, *(f"note: {note}" for note in notes)]:
            print(text)
        print(f"{len(texts)} documents, {len(problems)} problems")
    if problems:
        raise typer.Exit(1)


def _texts(path: Path | None, rev: str) -> Mapping[str, bytes]:
    if path and rev:
        raise CommandError("either a folder or --rev, not both", 2)
    if rev or (path is None and not Path("winslow.yaml").exists()):
        return _of_revision(rev)
    return _of_folder(path or Path("."))


def _of_folder(root: Path) -> dict[str, bytes]:
    from schema import layout
    from schema.codec import MAX_BYTES

    if not (root / "winslow.yaml").is_file():
        raise CommandError(f"{root} is no working copy of a state repository: it has no winslow.yaml")
    found = {}
    for path in sorted(root.rglob("*.yaml")):
        inside = str(path.relative_to(root))
        if layout.place_on_main(inside) and path.is_file() and not path.is_symlink():
            with path.open("rb") as file:
                found[inside] = file.read(MAX_BYTES + 1)
    return found


def _of_revision(rev: str) -> Mapping[str, bytes]:
    from state.revisions import documents_at, resolve

    client, _ = settings.snapshot()
    return documents_at(client, resolve(client, rev or "main"))


def check(texts: Mapping[str, bytes]) -> tuple[list[str], list[str]]:
    """Problems, and notes on what is valid but would be refused when it is started."""
    from schema import layout
    from schema.binding import bind
    from schema.codec import load
    from schema.errors import DocumentError
    from schema.pipeline import Pipeline, unsupported
    from schema.project import Project

    problems: list[str] = []
    notes: list[str] = []
    pipelines: dict[str, Pipeline] = {}
    projects: list[tuple[Parsed, Project]] = []
    for file, text in texts.items():
        place = layout.place_on_main(file)
        assert place
        try:
            document = _parsed(place.kind, text, file)
            if isinstance(document, Pipeline):
                pipelines[place.owner] = document
                problems += map(str, pipeline_problems(load(text, file), document, place.owner))
                sentence = unsupported(document)
                notes += [f"{file}: {sentence}; a start is refused"] if sentence else []
            elif isinstance(document, Project):
                parsed = load(text, file)
                projects.append((parsed, bind(Project, parsed)))
        except DocumentError as error:
            problems += map(str, error.problems)
    for parsed, project in projects:
        problems += map(str, project_problems(parsed, project, pipelines))
    return problems, notes


def _parsed(kind: str, text: bytes, file: str) -> object:
    from schema.documents import parse

    return parse(kind, text, file)


def pipeline_problems(parsed: "Parsed", pipeline: "Pipeline", name: str) -> "Iterator[Problem]":
    """What a parsed pipeline says that can never hold: places without a value, a name that is not its file's."""
    from flow.judge import misnamed, unfilled

    yield from misnamed(pipeline, name, parsed)
    yield from unfilled(pipeline, parsed)


def project_problems(parsed: "Parsed", project: "Project", pipelines: "Mapping[str, Pipeline]") -> "Iterator[Problem]":
    """An unknown pipeline, or inputs that do not fit it. What a commit pins is looked at when it is started."""
    from schema.inputs import InputError, fit_all
    from schema.suggest import did_you_mean

    name, _, pinned = project.pipeline.partition("@")
    if pinned:
        return
    if name not in pipelines:
        hint = did_you_mean(name, list(pipelines))
        yield parsed.problem(("pipeline",), f"there is no pipeline {name!r}{hint}")
        return
    for key, value in project.inputs.items():
        try:
            fit_all(pipelines[name].inputs, {key: value})
        except InputError as error:
            yield parsed.problem(("inputs", key), str(error))


def refuse(problems: "Iterator[Problem]") -> None:
    """CommandError with all of them, if there are any."""
    found = "\n".join(map(str, problems))
    if found:
        raise CommandError(found)
