"""`recover`: what only a person can decide of `winslow/state`."""

from typing import Annotated

import typer

from cli import output, settings
from cli.author import author
from cli.errors import CommandError


def add_to(app: typer.Typer) -> None:
    app.command()(recover)


def recover(
    accept: Annotated[str, typer.Option("--accept", help="let what this commit wrote stand", metavar="COMMIT")] = "",
    revert: Annotated[str, typer.Option("--revert", help="put back what was there before it", metavar="COMMIT")] = "",
) -> None:
    """Settle commits of winslow/state that no node may have made; without an option, list them.

    It pushes to winslow/state, so it needs the rights of a node.
    Example: winslowctl recover --revert 3f2c91aa0b1c
    """
    if accept and revert:
        raise CommandError("--accept and --revert exclude each other; settle one commit at a time", 2)
    if not (accept or revert):
        _listed()
        return
    from state.settle import settle

    oid = settle(settings.repository(), accept or revert, accept=bool(accept), author=author())
    print(f"{'accepted' if accept else 'reverted'} {(accept or revert)[:12]}: commit {oid[:12]} of winslow/state")


def _listed() -> None:
    _, snapshot = settings.snapshot(live=True)
    rows = [
        {"commit": flag.commit, "project": view.id, "by": flag.by, "text": flag.text}
        for view in snapshot.projects.values()
        for flag in view.flags
    ]
    if output.for_programs(rows):
        return
    if not rows:
        print("nothing to settle: every commit of winslow/state is one that a node may have made")
        return
    output.table(
        ("COMMIT", "PROJECT", "BY", ""),
        [[row["commit"][:12], row["project"], output.shown(row["by"]), output.shown(row["text"])] for row in rows],
    )
