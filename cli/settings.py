"""Where the state repository and this machine's data are: from options, else from the environment."""

import hashlib
import os
import stat
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cli.errors import CommandError

if TYPE_CHECKING:
    from cli.config_file import CommandConfig, NamedRepository
    from flow.model.snapshot import ProjectView, Snapshot
    from state.git.git_repository import GitRepository


@dataclass
class CommandSettings:
    """What the options before the verb said; verbs may say it again."""

    repo: str = ""
    data: str = ""
    context: str = ""
    output: str = "table"

    def clear(self) -> None:
        self.repo = self.data = self.context = ""
        self.output = "table"


CURRENT = CommandSettings()


def repo_url() -> str:
    """Of the option, the environment, or the context in use."""
    url = CURRENT.repo or ("" if CURRENT.context else os.environ.get("WINSLOW_REPO", "")) or _of_context("repo")
    if not url:
        raise CommandError(
            "which state repository? give --repo URL, set WINSLOW_REPO, or `winslowctl context add NAME --repo URL` "
            "once; `winslowctl up` makes one"
        )
    _refuse_clone(url)
    return url


def _refuse_clone(url: str) -> None:
    """CommandError for a clone that has no branch of the nodes: its origin is meant."""
    if Path(url).is_dir():
        from state.transport.ordinary_clone import origin_of

        if origin := origin_of(url):
            raise CommandError(f"{url} is a clone of {shown_url(origin)}: name that one, --repo {shown_url(origin)}")


def _of_context(field: str) -> str:
    """What the context in use names; nothing where none is."""
    from cli import config_file

    config = config_file.load()
    name = CURRENT.context or os.environ.get("WINSLOW_CONTEXT", "") or config.current
    return str(getattr(context_of(config, name), field)) if name else ""


def context_of(config: "CommandConfig", name: str) -> "NamedRepository":
    """CommandError names the nearest one otherwise."""
    from schema.suggest import did_you_mean

    if name not in config.contexts:
        hint = did_you_mean(name, config.contexts) or "; `winslowctl context ls` lists them"
        raise CommandError(f"there is no context {name[:60]!r}{hint}")
    return config.contexts[name]


def absolute(text: str) -> str:
    """A path that means the same from every folder; anything else as it is."""
    return str(Path(text).absolute()) if text and Path(text).exists() else text


def shown_url(url: str) -> str:
    """Without a password."""
    from state.transport import urls

    return urls.shown(url)


def data() -> Path:
    """This machine's data directory; it need not exist."""
    named = CURRENT.data or ("" if CURRENT.context else os.environ.get("WINSLOW_DATA", "")) or _data_of_context()
    if named:
        return Path(named)
    base = os.environ.get("XDG_DATA_HOME")
    try:
        return (Path(base) if base else Path.home() / ".local/share") / "winslow"
    except RuntimeError:
        return Path("/var/lib/winslow")


def _data_of_context() -> str:
    """A context's data is for its repository: not for one that was named in another way."""
    return "" if CURRENT.repo or (os.environ.get("WINSLOW_REPO") and not CURRENT.context) else _of_context("data")


def cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else _home() / ".cache") / "winslow"


def _home() -> Path:
    """This person's home; where there is none that can be written, a folder of theirs among temporary files."""
    try:
        home = Path.home()
        if home.is_dir() and os.access(home, os.W_OK | os.X_OK):
            return home
    except RuntimeError:
        pass
    return _private(Path(tempfile.gettempdir()) / f"winslow-{os.getuid()}")


def _private(folder: Path) -> Path:
    """A folder that nobody else can have prepared."""
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o022:
        raise CommandError(
            f"{folder} belongs to somebody else, and there is no home folder; set HOME or XDG_CACHE_HOME"
        )
    return folder


def repository() -> "GitRepository":
    """A client with a clone of its own, kept between commands."""
    from state.git.git_repository import GitRepository
    from state.server.main_check import passes

    url = repo_url()
    own = cache() / f"{hashlib.blake2b(url.encode(), digest_size=10).hexdigest()}.git"
    return GitRepository(url, own, check=passes)


def snapshot(*, live: bool = False) -> "tuple[GitRepository, Snapshot]":
    """The repository as it is; while it is away, as it was when last seen, said on standard error.

    `live` insists: nothing is decided on an old view.
    """
    from cli.sightings import judged
    from state.contract.errors import StateError

    client = repository()
    try:
        found = client.fetch()
    except StateError as error:
        if live:
            raise
        return client, _as_last_seen(client, error)
    _seen(client).touch()
    return client, judged(client, found)


def _as_last_seen(client: "GitRepository", error: Exception) -> "Snapshot":
    """Raises `error` where nothing was seen before, or where waiting would not help."""
    from state.contract.errors import CredentialsRefused, Inconsistent, NotAStateRepository, StateError, Unreachable

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
    from runner.logs.log_file import clean

    print(f"winslowctl: {clean(text)}", file=sys.stderr)


def snapshot_at(when: str) -> "Snapshot":
    """The repository as it was at a commit, at a time, or so long ago; as it is where nothing is said."""
    return looked_at(when)[1]


def looked_at(when: str) -> "tuple[GitRepository, Snapshot]":
    """The same, with the client that can tell more of it."""
    client, found = snapshot()
    if not when:
        return client, found
    from state.history.at_time import at

    return client, at(client, when, time.time())


def project(id: str, *, live: bool = False) -> "tuple[GitRepository, Snapshot, ProjectView]":
    """The project of that id. CommandError names the nearest one otherwise."""
    client, found = snapshot(live=live)
    return client, found, project_of(found, id)


def project_of(found: "Snapshot", id: str) -> "ProjectView":
    from schema.suggest import did_you_mean

    if id not in found.projects:
        hint = did_you_mean(id, list(found.projects)) or "; `winslowctl ps` lists them"
        raise CommandError(f"there is no project {id!r}{hint}")
    view = found.projects[id]
    if view.purged and view.deletion:
        raise CommandError(
            f"project {id!r} was deleted by {view.deletion.by}, and all of it is gone; "
            f"`winslowctl events --project {id}` tells what happened to it"
        )
    return view


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
