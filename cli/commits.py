"""Edits of `main`: one commit each, made anew after a lost race, printed."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from cli import output, settings

if TYPE_CHECKING:
    from flow.world import Snapshot


def commit(files: Callable[["Snapshot"], dict[str, str | None]], message: str) -> str:
    """One commit on `main`; the files are made anew on the newest snapshot at every try. Prints it."""
    from state.people import commit_edit
    from state.repository import Edit

    client = settings.repository()
    done = commit_edit(client, lambda at: Edit(files(at), message, settings.author()), sleep=time.sleep)
    if not output.for_programs({"commit": done}):
        print(f"{done}  {message.splitlines()[0]}")
    return done


def edited(text: str, changes: dict[str, Any]) -> str:
    """The YAML text with some values changed, byte for byte the same elsewhere."""
    import io

    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 4096
    yaml.indent(mapping=2, sequence=4, offset=2)
    document = yaml.load(text)
    for key, value in changes.items():
        if isinstance(value, dict):
            document.setdefault(key, {}).update(value)
        else:
            document[key] = value
    out = io.StringIO()
    yaml.dump(document, out)
    return out.getvalue()
