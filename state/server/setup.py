"""Making a state repository, and asking a server whether it can carry one."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import pygit2

from flow.model.commits import StateEvent
from schema import layout
from state.contract import commit_message
from state.contract.errors import StateError
from state.direct.own_hook import HOOK_FILE, hook_text
from state.edits import main as people
from state.git import commit_builder, maintenance
from state.transport.ownership import why_unreadable

CONFIG = {
    "core.hooksPath": "hooks",  # a pusher's own setting would else switch the hook off
    "core.fsync": "all",
    "receive.fsckObjects": "true",
    "receive.denyNonFastForwards": "true",
    "receive.denyDeletes": "true",
    "receive.autogc": "false",
    "receive.maxInputSize": str(64 * 1024 * 1024),
    "receive.advertisePushOptions": "true",
    "gc.auto": "0",
    maintenance.MARK: "true",
}
NOT_HIDDEN = "!" + layout.NODES.rpartition("/nodes/")[0]
HIDING = ("transfer.hideRefs", "uploadpack.hideRefs", "receive.hideRefs")
"""Where a server, also the machine's own settings, may hide the signs of life of nodes. Of all that is said the last
counts, and what a repository says comes after what its machine does.
"""
STATE_README = """# What is

Written by Winslow's nodes, never by hand. What is wanted is on `main`.
"""


class CannotInit(StateError):
    """No repository can be made there; the text says why."""


def init(path: Path, *, bare: bool, files: Mapping[str, str], author: str | None = None) -> bool:
    """Make `main` with the files and `winslow/state`. False where a state repository is there already. CannotInit.

    A bare one is a remote with Winslow's configuration and hook; the other one is a clone to be pushed somewhere.
    """
    if (path / "HEAD").exists() or (path / ".git").exists():
        return _refresh(path)
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise CannotInit(f"{path} is not empty, and no state repository; name a new folder")
    path.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".winslow-init-", dir=path.parent) as folder:
        made = Path(folder) / "made"
        _make(made, bare, files, author or people.author())
        if path.exists():
            path.rmdir()
        made.rename(path)
    return True


def _make(path: Path, bare: bool, files: Mapping[str, str], author: str) -> None:
    repo = pygit2.init_repository(str(path), bare=bare, initial_head="main")
    tree = commit_builder.write_tree(repo, None, {file: text.encode() for file, text in files.items()})
    main = commit_builder.commit(repo, [], tree, "Begin a state repository", author=author)
    repo.references.create(layout.MAIN, main)
    about = commit_builder.write_tree(repo, None, {"README.md": STATE_README.encode()})
    begin = commit_message.compose(StateEvent("begin"), node="", wanted=main)
    repo.references.create(layout.STATE, commit_builder.commit(repo, [], about, begin, author=author))
    if bare:
        mend(path)
    else:
        repo.checkout(layout.MAIN)


def lacking(path: Path) -> list[str]:
    """What a bare state repository lacks of the settings and the hook that `init --bare` gives it."""
    found = {each.name.lower(): each.value for each in pygit2.Config(str(path / "config"))}
    wanted = {**CONFIG, **dict.fromkeys(HIDING, NOT_HIDDEN)}
    settings = [key for key, value in wanted.items() if found.get(key.lower()) != value]
    hook = path / HOOK_FILE
    current = hook.is_file() and os.access(hook, os.X_OK) and hook.read_text(errors="replace") == hook_text()
    return [*(() if current else (f"the hook {HOOK_FILE}",)), *settings]


def mend(path: Path) -> None:
    """Give a bare repository the present settings and hook."""
    _configure(pygit2.Repository(str(path)))
    _hook(path)


def _configure(repo: pygit2.Repository) -> None:
    for key, value in CONFIG.items():
        repo.config[key] = value
    own = pygit2.Config(str(Path(repo.path) / "config"))
    for key in HIDING:
        said = list(own.get_multivar(key))
        if said[-1:] == [NOT_HIDDEN]:
            continue
        if NOT_HIDDEN in said:
            own.delete_multivar(key, f"^{re.escape(NOT_HIDDEN)}$")
        own.set_multivar(key, "^$", NOT_HIDDEN)


def _hook(path: Path) -> None:
    hook = path / HOOK_FILE
    hook.parent.mkdir(exist_ok=True)
    fresh = hook.with_suffix(".new")
    fresh.write_text(hook_text())
    fresh.chmod(0o755)
    fresh.rename(hook)


def _refresh(path: Path) -> bool:
    """A repository that is ours gets the present configuration and hook."""
    try:
        repo = pygit2.Repository(str(path))
        ours = repo.references.get(layout.STATE) is not None
    except pygit2.GitError as error:
        raise CannotInit(why_unreadable(path) or f"{path} is no git repository that can be read: {error}") from None
    if not ours:
        raise CannotInit(f"{path} is a git repository, but no state repository; name a new folder")
    if repo.is_bare:
        mend(path)
    return False
