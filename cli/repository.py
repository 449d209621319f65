"""Verbs for the repository itself: init, validate, plan, doctor."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli import output, settings
from cli.errors import CommandError

if TYPE_CHECKING:
    from flow.plan import Planned
    from flow.world import Snapshot

TEMPLATE = Path(__file__).parent / "template"


def add_to(app: typer.Typer) -> None:
    for verb in (init, validate, plan, doctor):
        app.command()(verb)


def init(
    path: Annotated[Path, typer.Argument(help="a new folder", metavar="PATH")],
    bare: Annotated[bool, typer.Option("--bare", help="a bare repository, which nodes and people push to")] = False,
    example: Annotated[Path | None, typer.Option("--example", help="begin with the files of this folder")] = None,
) -> None:
    """Make a state repository: main with a small pipeline, and winslow/state.

    Without --bare it is a working copy, to be pushed to a server (both branches: git push --all).
    Example: winslowctl init --bare /srv/git/lab.git
    """
    from state.setup import init as make

    made = make(path, bare=bare, files=template(example), author=settings.author())
    word = (
        "made a state repository at" if made else "this is a state repository already; configuration and hook renewed:"
    )
    print(f"{word} {path}")


def template(folder: Path | None) -> dict[str, str]:
    """The files `main` begins with. Images and what is not text are left out."""
    root = folder or TEMPLATE
    if not (root / "winslow.yaml").is_file():
        raise CommandError(f"{root} holds no winslow.yaml, so it cannot be the beginning of a state repository")
    files = {}
    for path in sorted(root.rglob("*")):
        inside = path.relative_to(root)
        if path.is_file() and not path.is_symlink() and inside.parts[0] not in ("images", ".git"):
            files[str(inside)] = path.read_text()
    return files


def validate(
    path: Annotated[Path | None, typer.Argument(help="a folder; default: here, or the repository with --rev")] = None,
    rev: Annotated[str, typer.Option("--rev", help="a commit or branch of the state repository")] = "",
) -> None:
    """Check every document: each problem is file:line:col: what. Exit code 1 if there are any.

    Example: winslowctl validate .     winslowctl validate --rev main
    """
    texts = (
        _of_revision(rev)
        if rev or (path is None and not Path("winslow.yaml").exists())
        else _of_folder(path or Path("."))
    )
    problems, notes, count = _check(texts)
    if not output.for_programs({"files": count, "problems": problems, "notes": notes}):
        for text in [*problems, *(f"note: {note}" for note in notes)]:
            print(text)
        print(f"{count} documents, {len(problems)} problems")
    if problems:
        raise typer.Exit(1)


def _of_folder(root: Path) -> dict[str, bytes]:
    from schema import layout
    from schema.codec import MAX_BYTES

    if not (root / "winslow.yaml").is_file():
        raise CommandError(f"{root} is no working copy of a state repository: it has no winslow.yaml")
    found = {}
    for path in sorted(root.rglob("*.yaml")):
        inside = str(path.relative_to(root))
        if layout.place_on_main(inside) and not path.is_symlink():
            with path.open("rb") as file:
                found[inside] = file.read(MAX_BYTES + 1)
    return found


def _of_revision(rev: str) -> dict[str, bytes]:
    from state.revisions import documents_at, resolve

    client, _ = settings.snapshot()
    return dict(documents_at(client, resolve(client, rev or "main")))


def _check(texts: dict[str, bytes]) -> tuple[list[str], list[str], int]:
    from schema import layout
    from schema.documents import parse
    from schema.errors import DocumentError
    from schema.pipeline import Pipeline
    from schema.project import Project

    problems: list[str] = []
    notes: list[str] = []
    pipelines: dict[str, Pipeline] = {}
    projects: dict[str, Project] = {}
    for file, text in texts.items():
        place = layout.place_on_main(file)
        assert place
        try:
            document = parse(place.kind, text, file)
        except DocumentError as error:
            problems += [str(problem) for problem in error.problems]
            continue
        if isinstance(document, Pipeline):
            pipelines[place.owner] = document
        elif isinstance(document, Project):
            projects[file] = document
    for name, pipeline in pipelines.items():
        more, said = _of_pipeline(name, pipeline)
        problems += more
        notes += said
    for file, project in projects.items():
        problems += _of_project(file, project, pipelines)
    return problems, notes, len(texts)


def _of_pipeline(name: str, pipeline: Any) -> tuple[list[str], list[str]]:
    from flow.interpolate import mistakes
    from schema import layout
    from schema.pipeline import unsupported

    path = layout.pipeline(name)
    problems = [f"{path}:1:1: stage {stage!r}: {what}" for stage, what in mistakes(pipeline)]
    if pipeline.name != name:
        problems.append(f"{path}:1:1: its name is {pipeline.name!r}, its file says {name!r}")
    sentence = unsupported(pipeline)
    return problems, [f"{path}: {sentence}; a start is refused"] if sentence else []


def _of_project(file: str, project: Any, pipelines: dict[str, Any]) -> Iterator[str]:
    from schema.inputs import InputError, fit_all
    from schema.suggest import did_you_mean

    name, _, pinned = project.pipeline.partition("@")
    if pinned:
        return
    if name not in pipelines:
        yield f"{file}:1:1: there is no pipeline {name!r}{did_you_mean(name, list(pipelines))}"
        return
    try:
        fit_all(pipelines[name].inputs, project.inputs)
    except InputError as error:
        yield f"{file}:1:1: {error}"


def plan(
    rev: Annotated[str, typer.Option("--rev", help="a commit or branch whose main this would be")] = "",
) -> None:
    """What the nodes would do now, or if a branch were merged: replies, starts and where, what becomes stale.

    Exit codes: 0 nothing, 2 changes. Example: winslowctl plan --rev my-branch
    """
    from dataclasses import asdict

    from flow.plan import plan as make
    from state.revisions import resolve

    client, snapshot = settings.snapshot()
    if rev:
        snapshot = client.at(resolve(client, rev), snapshot.state)
    planned = make(snapshot)
    if not output.for_programs([asdict(each) for each in planned]):
        for each in planned:
            _print_plan(each)
        _print_problems(snapshot)
        if not planned:
            print("nothing would change")
    if planned:
        raise typer.Exit(2)


def _print_plan(each: "Planned") -> None:
    print(f"{each.project}:")
    for reply in each.replies:
        print(f"  reply  {output.shown(reply)}")
    if each.stage:
        print(f"  start  {each.stage} on {', '.join(each.nodes) or 'no node yet'}")
        print(f"         from {f'execution {each.workspace}' if each.workspace else 'an empty workspace'}")
        if each.inputs:
            print(f"         with {output.shown(output.plain(each.inputs))}")
    if each.waits:
        print(f"  waits  {output.shown(each.waits)}")
    if each.stale:
        print(f"  stale  {', '.join(each.stale)}")


def _print_problems(snapshot: "Snapshot") -> None:
    for problem in snapshot.problems:
        print(f"problem: {output.shown(problem)}")


def doctor() -> None:
    """Look whether this machine and the repository can do their work; each line says what to do.

    Example: winslowctl doctor --repo /srv/git/lab.git
    """
    rows = [{"check": name, "result": result, "text": text} for name, result, text in _checks()]
    if not output.for_programs(rows):
        colours = {"ok": "green", "warn": "yellow", "fail": "red"}
        output.table(
            ("CHECK", "", ""),
            [[r["check"], f"[{colours[r['result']]}]{r['result']}[/]", output.shown(r["text"])] for r in rows],
        )
    if any(row["result"] == "fail" for row in rows):
        raise typer.Exit(1)


def _checks() -> Iterator[tuple[str, str, str]]:
    yield _git()
    yield from _repository()
    yield _docker()
    yield _disk()


def _git() -> tuple[str, str, str]:
    import subprocess

    if not shutil.which("git"):
        return "git", "fail", "not installed; apt-get install git"
    version = subprocess.run(["git", "--version"], capture_output=True, text=True, check=False).stdout.strip()
    return "git", "ok", version


def _repository() -> Iterator[tuple[str, str, str]]:
    from state.errors import StateError
    from state.setup import probe

    try:
        client, snapshot = settings.snapshot()
    except (CommandError, StateError) as error:
        yield "repository", "fail", str(error)
        return
    yield "repository", "ok", f"{len(snapshot.projects)} projects, {len(snapshot.inventories)} nodes"
    for problem in snapshot.problems[:5]:
        yield "document", "warn", problem
    found = probe(client.url)
    if found.good:
        yield "node refs", "ok", "the server lets nodes keep refs/winslow/nodes/…"
    else:
        yield "node refs", "fail", f"the server refuses refs/winslow/…: {found.text}"


def _docker() -> tuple[str, str, str]:
    from runner.errors import RunnerError

    try:
        from runner.docker import engine

        found = engine()
    except (RunnerError, ImportError) as error:
        return "docker", "warn", f"no engine answers, stages would run as processes ({str(error)[:120]})"
    live = "" if found.live_restore else "; set live-restore, or a restart of dockerd ends stages"
    return "docker", "ok" if not live else "warn", f"Docker Engine {found.version}{live}"


def _disk() -> tuple[str, str, str]:
    folder = settings.data()
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    return "disk", "ok" if free > 5 * 2**30 else "warn", f"{free / 2**30:.0f} GiB free at {folder}"
