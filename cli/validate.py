"""`validate`: what can be said of documents without running anything, each problem at its place."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli import one_document, output, settings
from cli.errors import CommandError

if TYPE_CHECKING:
    from schema.codec import ParsedText
    from schema.errors import Problem
    from schema.pipeline import Pipeline
    from schema.trigger import Trigger


def add_to(app: typer.Typer) -> None:
    app.command()(validate)


def validate(
    path: Annotated[
        Path | None,
        typer.Argument(help="a folder, a file, or - for standard input; default: here, or the repository with --rev"),
    ] = None,
    rev: Annotated[str, typer.Option("--rev", help="a commit or branch of the state repository")] = "",
    place: Annotated[
        str, typer.Option("--as", metavar="PATH", help="where in the repository a single document belongs")
    ] = "",
    hook: Annotated[bool, typer.Option("--hook", help="be the pre-receive hook: read `old new ref` lines")] = False,
) -> None:
    """Check every document: each problem is file:line:col: what. Exit code 1 if there are any. Commits nothing.

    Of a file in a working copy what the others say counts as well: whether a project's pipeline is there. Elsewhere a
    document is checked alone, and its keys tell its kind, or --as does.
    Example: winslowctl validate .     winslowctl validate pipelines/traffic.yaml     winslowctl validate --rev main
    """
    if hook:
        from state.hook import main as be_the_hook

        raise typer.Exit(be_the_hook())
    one = path is not None and (str(path) == one_document.STANDARD_INPUT or path.is_file())
    if place and not one:
        raise CommandError("--as is of a single document: winslowctl validate FILE --as pipelines/NAME.yaml", 2)
    if path and one:
        if rev:
            raise CommandError("either a file or --rev, not both", 2)
        _tell(1, *_of_file(path, place))
    else:
        texts, others = _texts(path, rev)
        found, notes = check(texts)
        _tell(len(texts), [*found, *others], notes)


def _tell(files: int, found: list[str], notes: list[str]) -> None:
    problems = list(dict.fromkeys(found))
    if not output.for_programs({"files": files, "problems": problems, "notes": notes}):
        for text in [*problems, *(f"note: {note}" for note in notes)]:
            print(text)
        print(f"{output.counted(files, 'document')}, {output.counted(len(problems), 'problem')}")
    if problems:
        raise typer.Exit(1)


def _of_file(path: Path, place: str) -> tuple[list[str], list[str]]:
    """Problems and notes of one document."""
    inside = None if place or str(path) == one_document.STANDARD_INPUT else one_document.working_copy(path)
    if inside is None:
        return one_document.checked(path, place)
    root, name = inside
    texts, others = _of_folder(root)
    found, notes = check(texts)
    of_it = [text for text in [*found, *others] if text.startswith(f"{name}:")]
    if name not in texts and not of_it:
        raise CommandError(f"{name}: nothing reads a file of that path, so there is nothing to check in it", 2)
    return of_it, [note for note in notes if note.startswith(f"{name}:")]


def _texts(path: Path | None, rev: str) -> tuple[Mapping[str, bytes], list[str]]:
    """Documents by path, and what is wrong beside them: files that nothing reads, requests that nobody answers."""
    if path and rev:
        raise CommandError("either a folder or --rev, not both", 2)
    if rev or (path is None and not Path("winslow.yaml").exists()):
        return _of_revision(rev)
    return _of_folder(path or Path("."))


def _of_folder(root: Path) -> tuple[dict[str, bytes], list[str]]:
    from schema import layout, misplaced
    from schema.codec import MAX_BYTES
    from state.edits.sparse_checkout import left_out
    from state.snapshot.document_cache import irregular

    if not (root / "winslow.yaml").is_file():
        if not root.exists():
            raise CommandError(f"there is no file or folder {root}")
        raise CommandError(f"{root} is no working copy of a state repository: it has no winslow.yaml")
    texts: dict[str, bytes] = {}
    others: list[Problem] = []
    for inside in sorted(_files(root)):
        path = root / inside
        if not layout.place_on_main(inside):
            others += misplaced.problems([inside])
        elif path.is_symlink() or not path.is_file():
            others.append(irregular(inside))
        else:
            with path.open("rb") as file:
                texts[inside] = file.read(MAX_BYTES + 1)
    hidden = {
        inside: text
        for inside, text in left_out(root, MAX_BYTES + 1).items()
        if inside not in texts and layout.place_on_main(inside)
    }
    if hidden:
        settings.warn(f"this checkout is sparse: {len(hidden)} documents are read as git's index has them")
    return dict(sorted({**texts, **hidden}.items())), list(map(str, others))


def _files(root: Path) -> "Iterator[str]":
    """Everything that is no folder, and links to folders; nothing of git's own."""
    for folder, folders, files in os.walk(root):
        links = [name for name in folders if os.path.islink(os.path.join(folder, name))]
        folders[:] = [name for name in folders if name != ".git"]
        for name in (*files, *links):
            yield os.path.relpath(os.path.join(folder, name), root)


def _of_revision(rev: str) -> tuple[Mapping[str, bytes], list[str]]:
    from flow.model.snapshot import ProblemOrigin
    from state.history.revisions import documents_at, put_back, resolve

    client, _ = settings.snapshot()
    commit = resolve(client, rev or "main")
    problems = client.at(commit, client.tips()[1]).problems
    others = [problem.text for problem in problems if problem.origin is not ProblemOrigin.STATE]
    return documents_at(client, commit), [*others, *map(str, put_back(client, commit))]


def check(texts: Mapping[str, bytes]) -> tuple[list[str], list[str]]:
    """Problems, and notes on what is valid but would be refused when it is started."""
    from flow.project.pipeline_checks import alone, unfitting
    from schema import layout
    from schema.binding import bind
    from schema.codec import load
    from schema.errors import DocumentError
    from schema.pipeline import Pipeline
    from schema.project import Project
    from schema.trigger import Trigger

    problems: list[str] = []
    notes: list[str] = []
    pipelines: dict[str, Pipeline | None] = {}
    projects: list[tuple[ParsedText, Project]] = []
    triggers: dict[str, Trigger] = {}
    for file, text in texts.items():
        place = layout.place_on_main(file)
        assert place
        try:
            document = _parsed(place.kind, text, file)
            if isinstance(document, Pipeline):
                pipelines[place.owner] = document
                problems += map(str, pipeline_problems(load(text, file), document, place.owner))
            elif isinstance(document, Project):
                parsed = load(text, file)
                projects.append((parsed, bind(Project, parsed)))
            elif isinstance(document, Trigger):
                triggers[place.owner] = document
        except DocumentError as error:
            problems += map(str, error.problems)
            pipelines |= {place.owner: None} if place.kind == "pipeline" else {}
    notes += [str(alone(file)) for file in texts if _is_alone(file, texts)]
    problems += _of_includes(texts, pipelines)
    problems += _of_triggers(texts, triggers, pipelines)
    for parsed, project in projects:
        problems += map(str, unfitting(project, parsed, pipelines))
    return problems, notes


def _of_includes(texts: Mapping[str, bytes], pipelines: "dict[str, Pipeline | None]") -> list[str]:
    """What is wrong with pipelines once they are put together. In `pipelines` they are whole afterwards.

    What is included from a commit is taken as it is here: a folder knows no commits.
    """
    from flow.definition.includes import all_resolved
    from schema import layout
    from schema.codec import load

    written = {name: each for name, each in pipelines.items() if each}
    good, wrong = all_resolved(written, lambda name, ref: written.get(name))
    found = [(name, error.at, f"include: {error}") for name, error in wrong.items()]
    pipelines |= {**good, **dict.fromkeys(wrong)}
    return [str(load(texts[layout.pipeline(name)], layout.pipeline(name)).problem(("include", at), what))
            for name, at, what in found]  # fmt: skip


def _of_triggers(
    texts: Mapping[str, bytes], triggers: "Mapping[str, Trigger]", pipelines: "Mapping[str, Pipeline | None]"
) -> list[str]:
    """What they say together, and of pipelines and projects that are not there."""
    from flow.triggers.mistakes import mistakes
    from schema import layout
    from schema.codec import load

    places = (layout.place_on_main(file) for file in texts)
    projects = {place.owner for place in places if place and place.kind == "project"}
    found = mistakes(triggers, pipelines.keys(), projects) if triggers else ()
    return [str(load(texts[file], file).problem(where, what)) for name, where, what in found
            if (file := layout.trigger(name))]  # fmt: skip


def _is_alone(file: str, texts: Mapping[str, bytes]) -> bool:
    """A request of a project that is not there. One that was deleted leaves its requests, so that is no mistake."""
    from schema import layout

    place = layout.place_on_main(file)
    return place is not None and place.kind == "request" and layout.project(place.owner) not in texts


def _parsed(kind: str, text: bytes, file: str) -> object:
    from schema.documents import parse

    return parse(kind, text, file)


def pipeline_problems(parsed: "ParsedText", pipeline: "Pipeline", name: str) -> "Iterator[Problem]":
    """What a parsed pipeline says that can never hold: places without a value, a name that is not its file's."""
    from flow.project.pipeline_checks import misnamed, unfilled

    yield from misnamed(pipeline, name, parsed)
    yield from unfilled(pipeline, parsed)


def refuse(problems: "Iterator[Problem]") -> None:
    """CommandError with all of them, if there are any."""
    found = "\n".join(map(str, problems))
    if found:
        raise CommandError(found)
