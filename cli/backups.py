"""Verbs `backup` and `restore`: the state repository as one file."""

from pathlib import Path
from typing import Annotated

import typer

from cli import output, settings


def add_to(app: typer.Typer) -> None:
    for verb in (backup, restore):
        app.command()(verb)


def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="is replaced at once, when the new one is whole")],
) -> None:
    """Write the state repository with all its history to one file, from which `restore` makes it again.

    What stages left is in the nodes' stores, not in the repository.
    Example: winslowctl backup /srv/backup/lab.bundle --repo /srv/git/lab.git
    """
    from state.server.backup import backup as write

    tips = write(settings.repo_url(), file.absolute())
    _told({"file": str(file.absolute()), "bytes": file.stat().st_size, **_short(tips)}, f"wrote {file}")


def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="what `backup` wrote")],
    path: Annotated[Path, typer.Argument(metavar="PATH", help="a new folder")],
) -> None:
    """Make a bare state repository from a backup, with the settings and the hook that `init --bare` gives.

    Nodes that have seen newer commits halt there, until `winslowctl recover`.
    Example: winslowctl restore /srv/backup/lab.bundle /srv/git/lab.git
    """
    from state.server.backup import restore as make

    tips = make(file.absolute(), path.absolute())
    _told({"repository": str(path.absolute()), **_short(tips)}, f"made the state repository {path}")


def _short(tips: dict[str, str]) -> dict[str, str]:
    return {name.removeprefix("refs/heads/"): oid for name, oid in tips.items()}


def _told(found: dict[str, object], text: str) -> None:
    if not output.for_programs(found):
        print(f"{text}: main {str(found['main'])[:12]}, winslow/state {str(found['winslow/state'])[:12]}")
