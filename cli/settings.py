"""Where the state repository and this machine's data are: from options, else from the environment."""

import hashlib
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cli.errors import CommandError

if TYPE_CHECKING:
    from flow.world import ProjectView, Snapshot
    from state.git import GitRepository


@dataclass
class Settings:
    """What the options before the verb said; verbs may say it again."""

    repo: str = ""
    data: str = ""
    output: str = "table"


CURRENT = Settings()


def repo_url() -> str:
    url = CURRENT.repo or os.environ.get("WINSLOW_REPO", "")
    if not url:
        raise CommandError("which state repository? give --repo URL or set WINSLOW_REPO; `winslowctl up` makes one")
    return url


def data() -> Path:
    """This machine's data directory; it need not exist."""
    named = CURRENT.data or os.environ.get("WINSLOW_DATA", "")
    if named:
        return Path(named)
    base = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local/share")
    return Path(base) / "winslow"


def cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")) / "winslow"


def repository() -> "GitRepository":
    """A client with a clone of its own, kept between commands."""
    from state.git import GitRepository

    url = repo_url()
    return GitRepository(url, cache() / f"{hashlib.blake2b(url.encode(), digest_size=10).hexdigest()}.git")


def snapshot(*, live: bool = False) -> "tuple[GitRepository, Snapshot]":
    """The repository as it is; while it is away, as it was when last seen, said on standard error.

    `live` insists: nothing is decided on an old view.
    """
    from state.errors import StateError

    client = repository()
    try:
        found = client.fetch()
    except StateError as error:
        if live:
            raise
        return client, _as_last_seen(client, error)
    _seen(client).touch()
    return client, found


def _as_last_seen(client: "GitRepository", error: Exception) -> "Snapshot":
    """Raises `error` where nothing was seen before, or where waiting would not help."""
    from state.errors import CredentialsRefused, Inconsistent, NotAStateRepository, StateError, Unreachable

    marker = _seen(client)
    if not isinstance(error, Unreachable | CredentialsRefused | NotAStateRepository | Inconsistent):
        raise error
    try:
        age = time.time() - marker.stat().st_mtime
        main, state = client.tips()
        found = client.at(main, state)
    except (OSError, KeyError, StateError):
        raise error from None
    warn(f"{error}; this is the view of {ago(age)} ago")
    return found


def _seen(client: "GitRepository") -> Path:
    """A file whose time is that of the last answer."""
    return client.path / "winslow-seen"


def ago(seconds: float) -> str:
    from schema.quantities import format_duration

    whole = int(max(seconds, 0))
    unit = next((size for size in (86_400, 3600, 60) if whole >= size), 1)
    return format_duration(float(max(whole // unit, 1) * unit))


def warn(text: str) -> None:
    from runner.logs import clean

    print(f"winslowctl: {clean(text)}", file=sys.stderr)


def snapshot_at(when: str) -> "Snapshot":
    """The repository as it was at a commit, at a time, or so long ago; as it is where nothing is said."""
    client, found = snapshot()
    if not when:
        return found
    from state.past import at

    return at(client, when, time.time())


def project(id: str, *, live: bool = False) -> "tuple[GitRepository, Snapshot, ProjectView]":
    """The project of that id. CommandError names the nearest one otherwise."""
    client, found = snapshot(live=live)
    return client, found, project_of(found, id)


def project_of(found: "Snapshot", id: str) -> "ProjectView":
    from schema.suggest import did_you_mean

    if id not in found.projects:
        hint = did_you_mean(id, list(found.projects)) or "; `winslowctl ps` lists them"
        raise CommandError(f"there is no project {id!r}{hint}")
    return found.projects[id]


def author() -> str:
    """Who commits: WINSLOW_AUTHOR (`Name <address>`), else git's user."""
    from state.people import author as of_git

    return os.environ.get("WINSLOW_AUTHOR") or of_git()


def checked_name(text: str, what: str) -> str:
    """A name that may become a path."""
    import re

    from schema.names import NAME

    if not re.fullmatch(NAME, text):
        raise CommandError(f"{text[:60]!r} cannot be the name of a {what}: lower-case letters, digits, . _ - only")
    return text


def pairs(items: list[str] | None, what: str) -> dict[str, str]:
    """`k=v` options as a mapping."""
    found = {}
    for item in items or []:
        name, separator, value = item.partition("=")
        if not separator or not name:
            raise CommandError(f"--{what} wants NAME=VALUE, not {item[:60]!r}", 2)
        found[name] = value
    return found
