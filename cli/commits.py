"""Edits of `main`: one commit each, made anew after a lost race, printed."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from cli import output, settings
from cli.author import author

if TYPE_CHECKING:
    from flow.model.snapshot import Snapshot


def commit(files: Callable[["Snapshot"], dict[str, str | None]], message: str) -> str:
    """One commit on `main`; the files are made anew on the newest snapshot at every try. Prints it."""
    from state.contract.repository import Edit
    from state.edits.main import commit_edit

    client = settings.repository()
    done = commit_edit(client, lambda at: Edit(files(at), message, author()), sleep=time.sleep)
    if not output.for_programs({"commit": done}):
        print(f"{done}  {message.splitlines()[0]}")
    return done
