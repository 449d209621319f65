"""Verb `compact`: the repository and a node's clone in as little room as git can."""

from pathlib import Path

import typer

from cli import output, settings
from cli.errors import CommandError

HEADS = ("FOLDER", "WAS", "IS", "PACKS", "LOOSE")


def add_to(app: typer.Typer) -> None:
    app.command()(compact)


def compact() -> None:
    """Pack a bare repository of this machine and a node's clone anew, and remove what nothing names; nodes may run.

    Nodes tidy up by themselves; this packs everything anew, which takes longer and less room. No history goes.
    Example: winslowctl compact --repo /srv/git/lab.git
    """
    from state.git.maintenance import CannotCompact, compact, size
    from state.transport import urls

    folders = [settings.data().absolute() / "clone.git"]
    if remote := urls.local_path(settings.repo_url()):
        folders.insert(0, Path(remote))
    rows = []
    for folder in filter(_bare, folders):
        before = size(folder)
        try:
            compact(folder)
        except CannotCompact as error:
            raise CommandError(str(error)) from None
        after = size(folder)
        rows.append(
            {"folder": str(folder), "was": before.bytes, "is": after.bytes, "packs": after.packs, "loose": after.loose}
        )
    if not rows:
        raise CommandError("neither a bare repository of this machine nor a node's clone; give --repo PATH or --data")
    if not output.for_programs(rows):
        output.table(
            HEADS, [[str(value) if key == "folder" else f"{value:,}" for key, value in row.items()] for row in rows]
        )


def _bare(folder: Path) -> bool:
    return (folder / "objects").is_dir()
