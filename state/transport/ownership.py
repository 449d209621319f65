"""Why a repository by path cannot be read: it is another user's, or of a kind that Winslow does not read."""

import os
import pwd
import shlex
from pathlib import Path

import pygit2

SHA256 = (
    "is a repository of SHA-256 objects, which Winslow does not read; make one of SHA-1 objects: "
    "`winslowctl init --bare`, or `git init --bare --object-format=sha1`"
)


def why_unreadable(folder: Path) -> str:
    """A sentence with the remedy, or nothing where neither is the cause."""
    config = next((each for each in (folder / "config", folder / ".git" / "config") if each.is_file()), None)
    if config is None:
        return _of_another(folder) if (folder / "HEAD").exists() or not os.access(folder, os.X_OK) else ""
    if _format(config) == "sha256":
        return f"{folder} {SHA256}"
    return _of_another(folder)


def _of_another(folder: Path) -> str:
    try:
        owner = folder.stat().st_uid
    except OSError:
        return ""
    if owner in (os.geteuid(), int(os.environ.get("SUDO_UID", "-1"))):
        return ""
    name = _name(owner)
    add = f"git config --global --add safe.directory {shlex.quote(str(folder))}"
    return f"{folder} belongs to {name}, and git reads nothing of other users unasked: run this as {name}, or `{add}`"


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def _format(config: Path) -> str:
    try:
        return str(pygit2.Config(str(config))["extensions.objectformat"]).lower()
    except (KeyError, OSError, pygit2.GitError):
        return ""
