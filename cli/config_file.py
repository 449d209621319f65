"""`~/.config/winslow/config.yaml`: names for repositories, and who this person is."""

import os
from pathlib import Path

from pydantic import Field

from cli.errors import CommandError
from schema.base import Wanted
from schema.binding import read
from schema.names import Name

MOST_BYTES = 1 << 20


class NamedRepository(Wanted):
    repo: str
    data: str = ""


class CommandConfig(Wanted):
    current: str = ""
    author: str = ""
    contexts: dict[Name, NamedRepository] = Field(default_factory=dict)


MODELS = {"CommandConfig": CommandConfig, "NamedRepository": NamedRepository}
MEANING = {
    "CommandConfig": {
        "current": "the context in use, as `context use` writes it",
        "author": "`Name <address>` of who commits, where neither the environment nor git says it",
        "contexts": "repositories by name, as `context add` writes them",
    },
    "NamedRepository": {
        "repo": "as `--repo` takes it",
        "data": "as `--data` takes it",
    },
}
"""What each field means, for the reference."""


def place() -> Path | None:
    """Where it is, or would be; nowhere for somebody without a home."""
    base = os.environ.get("XDG_CONFIG_HOME")
    try:
        return Path(base or Path.home() / ".config") / "winslow" / "config.yaml"
    except RuntimeError:
        return None


def load() -> CommandConfig:
    """What it says; nothing where there is none. CommandError, DocumentError with `file:line:col`."""
    path = place()
    try:
        if path is None or not (raw := path.read_bytes()[:MOST_BYTES]).strip():
            return CommandConfig()
    except (FileNotFoundError, NotADirectoryError):
        return CommandConfig()
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}") from None
    return read(CommandConfig, raw, str(path))


def save(config: CommandConfig) -> Path:
    """Whole or not at all, readable by this person only: an address may hold a password."""
    from runner import durable
    from schema import codec

    path = place()
    if path is None:
        raise CommandError("there is no home folder to keep it in; set HOME or XDG_CONFIG_HOME")
    durable.put(path, codec.dump(config.model_dump(exclude_defaults=True)).encode())
    return path
