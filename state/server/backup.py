"""A state repository as one file, a git bundle, and a bare repository from it."""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pygit2

from schema import layout
from state.contract.errors import StateError
from state.server import setup
from state.transport import urls
from state.transport.command import git

LONGEST = 3600.0
REFS = "refs/winslow/*"
BRANCHES = "refs/heads/*"


class CannotBackUp(StateError):
    """The text says why."""


def backup(url: str, file: Path) -> dict[str, str]:
    """Write branches and signs of life to the file, whole or not at all; what its branches name. CannotBackUp.

    `winslow/state` comes first and `main` later, so no state in it names a commit of `main` that it lacks.
    """
    address = urls.check(url)
    with TemporaryDirectory(prefix="winslow-backup-", dir=_folder(file)) as folder:
        copy = pygit2.init_repository(f"{folder}/copy.git", bare=True)
        for spec in (f"+{layout.STATE}:{layout.STATE}", f"+{REFS}:{REFS}", f"+{BRANCHES}:{BRANCHES}"):
            wanted = [spec, f"^{layout.STATE}"] if spec.startswith(f"+{BRANCHES}") else [spec]
            _git(
                Path(copy.path), ["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--", address, *wanted], url
            )
        _check(copy, urls.shown(url))
        whole = Path(folder) / "bundle"
        _git(Path(copy.path), ["bundle", "create", "--quiet", str(whole), "--all"])
        with whole.open("rb") as written:
            os.fsync(written.fileno())
        whole.rename(file)
        return _tips(copy)


def restore(file: Path, path: Path) -> dict[str, str]:
    """Make a bare repository with Winslow's settings and hook, as it was when it was backed up. CannotBackUp."""
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise CannotBackUp(f"{path} is there already; name a new folder")
    if not file.is_file():
        raise CannotBackUp(f"there is no file {file}")
    path.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".winslow-restore-", dir=path.parent) as folder:
        made = Path(folder) / "made"
        repo = pygit2.init_repository(str(made), bare=True, initial_head="main")
        fetch = ["-c", "fetch.fsckObjects=true", "fetch", "--quiet", "--no-write-fetch-head"]
        _git(made, [*fetch, "--", str(file.absolute()), "+refs/*:refs/*"])
        _check(repo, str(file))
        setup.mend(made)
        tips = _tips(repo)
        if path.exists():
            path.rmdir()
        made.rename(path)
        return tips


def _tips(repo: pygit2.Repository) -> dict[str, str]:
    return {name: str(repo.references[name].target) for name in (layout.MAIN, layout.STATE)}


def _folder(file: Path) -> Path:
    if not file.parent.is_dir():
        raise CannotBackUp(f"there is no folder {file.parent}")
    if file.is_dir():
        raise CannotBackUp(f"{file} is a folder; name a file, like {file / 'lab.bundle'}")
    return file.parent


def _check(repo: pygit2.Repository, what: str) -> None:
    for name in (layout.MAIN, layout.STATE):
        if repo.references.get(name) is None:
            short = name.removeprefix("refs/heads/")
            raise CannotBackUp(f"{what} holds no branch {short}, so it is no state repository")


def _git(folder: Path, arguments: Sequence[str], url: str = "") -> None:
    done = git(arguments, folder=folder, timeout=LONGEST, url=url)
    if done.code:
        raise CannotBackUp(re.sub(r"\s+", " ", done.err.strip())[:400] or f"git {arguments[0]} ended with {done.code}")
