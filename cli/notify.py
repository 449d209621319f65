"""Verb `notify`: tries an address before it is needed."""

import json
from pathlib import Path
from typing import Annotated

import typer

from cli.errors import CommandError

USUAL = Path("/etc/winslow/notify.yaml")


def add_to(app: typer.Typer) -> None:
    app.command()(notify)


def notify(
    target: Annotated[str, typer.Argument(metavar="TARGET", help="a name in the file")],
    file: Annotated[Path, typer.Option("--file", help="what `node --notify` is given")] = USUAL,
) -> None:
    """Send a test notice to one target, as a node would.

    Example: winslowctl notify ada --file /etc/winslow/notify.yaml
    """
    from controller.notify.send import apart

    if not file.exists():
        raise CommandError(
            f"there is no {file}; give what `node --notify` is given by --file, or write it: targets: {{NAME: ADDRESS}}"
        )
    text = "This is how a node of yours would tell you of something."
    notice = {"target": target, "subject": "done", "title": "Winslow can reach you", "text": text}
    if why := apart(file, json.dumps(notice)):
        raise CommandError(why)
    print(f"sent to {target}")
