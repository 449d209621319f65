"""Verbs for the repository as a whole: init, plan."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli import output, schemas, settings
from cli.author import author_or_program
from cli.errors import CommandError
from cli.output import plain

if TYPE_CHECKING:
    from flow.boards.planned import Planned
    from flow.model.snapshot import Snapshot

TEMPLATE = Path(__file__).parent / "template"


def add_to(app: typer.Typer) -> None:
    for verb in (init, plan):
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
    from state.server.setup import init as make

    made = make(path, bare=bare, files=template(example), author=author_or_program())
    word = (
        "made a state repository at" if made else "this is a state repository already; configuration and hook renewed:"
    )
    print(f"{word} {path}")


def template(folder: Path | None) -> dict[str, str]:
    """The files `main` begins with, and schemas for editors. Images and what is not text are left out."""
    root = folder or TEMPLATE
    if not (root / "winslow.yaml").is_file():
        raise CommandError(f"{root} holds no winslow.yaml, so it cannot be the beginning of a state repository")
    files = {}
    for path in sorted(root.rglob("*")):
        inside = path.relative_to(root)
        if not path.is_file() or path.is_symlink() or inside.parts[0] in ("images", ".git"):
            continue
        try:
            files[str(inside)] = path.read_text()
        except UnicodeDecodeError:
            settings.warn(f"{path} is not text, and is left out")
    return {**schemas.files(), **files}


def plan(
    rev: Annotated[str, typer.Option("--rev", help="a branch or commit that is not merged yet")] = "",
) -> None:
    """What the nodes would do now: replies, starts and where, what becomes stale. With --rev, what its merge changes.

    `-o markdown` makes tables for a merge request. Exit codes: 0 nothing, 2 changes.
    Example: winslowctl plan --rev my-branch
    """
    from dataclasses import asdict

    from flow.boards.plan_board import planned_board

    snapshot, planned, anyway = _planned(rev)
    if settings.CURRENT.output == "markdown":
        print(planned_board(snapshot, planned, anyway))
    elif not output.for_programs([asdict(each) for each in planned]):
        for each in planned:
            _print_plan(each)
        _print_problems(snapshot)
        if not planned:
            print("nothing would change")
        if anyway:
            print(f"{anyway} projects go on in any case; `winslowctl plan` tells how")
    if planned:
        raise typer.Exit(2)


def _planned(rev: str) -> "tuple[Snapshot, list[Planned], int]":
    """What would be, what would happen, and with a revision, how many projects go on whether it is merged or not."""
    from dataclasses import replace

    from flow.boards.planned import difference
    from flow.reconcile.plan import plan as make
    from state.history.revisions import merged, put_back, resolve
    from state.snapshot.project_folders import on_main

    client, snapshot = settings.snapshot()
    now = make(snapshot)
    commit = merged(client, resolve(client, rev)) if rev else snapshot.main
    if commit == snapshot.main:
        return snapshot, now, 0
    candidate = replace(client.at(commit, snapshot.state), heartbeats=snapshot.heartbeats, judged=snapshot.judged)
    beside = on_main(put_back(client, commit))
    candidate = replace(candidate, problems=tuple(dict.fromkeys([*candidate.problems, *beside])))
    after = make(candidate)
    planned = difference(now, after)
    return candidate, planned, sum(each in now for each in after)


def _print_plan(each: "Planned") -> None:
    """Names and values are the repository's: cleaned, but no markup is read here."""
    from runner.logs.log_file import clean

    for text in _told(each):
        print(clean(text))


def _told(each: "Planned") -> Iterator[str]:
    yield f"{each.project}:"
    for reply in each.replies:
        yield f"  reply  {reply}"
    if each.aborts:
        yield f"  abort  execution {each.aborts}; it counts as failed, and the project pauses"
    if each.stage:
        yield f"  start  {each.stage} on {', '.join(each.nodes) or 'no node yet'}"
        if each.gpus:
            yield f"         gpus {', '.join(each.gpus)} of {each.nodes[0]}"
        yield f"         from {f'execution {each.workspace}' if each.workspace else 'an empty workspace'}"
        if each.inputs:
            yield f"         with {plain(each.inputs)}"
        if each.env:
            yield f"         env  {plain(each.env)}"
    if each.waits:
        could = (
            f" (could run on {', '.join(each.could)})"
            if each.could and not each.waits.startswith(("NodeOffline", "NodeTooOld"))
            else ""
        )
        yield f"  waits  {each.waits}{could}"
    if each.stale:
        yield f"  stale  {', '.join(each.stale)}"


def _print_problems(snapshot: "Snapshot") -> None:
    from runner.logs.log_file import clean

    for problem in snapshot.problems:
        print(f"problem: {clean(problem.text)}")
