"""Making a state repository, and asking a server whether it can carry one."""

import secrets
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pygit2

from schema import layout
from state import build
from state.errors import StateError
from state.program import git
from state.push import Publisher, Update
from state.repository import Landed, Outcome

CONFIG = {
    "core.fsync": "all",
    "receive.fsckObjects": "true",
    "receive.denyNonFastForwards": "true",
    "receive.denyDeletes": "true",
    "receive.autogc": "false",
    "receive.maxInputSize": str(64 * 1024 * 1024),
    "receive.advertisePushOptions": "true",
    "gc.auto": "0",
}
STATE_README = """# What is

Written by Winslow's nodes, never by hand. What is wanted is on `main`.
"""
HOOK = """#!/bin/sh
# Written by `winslowctl init`: refuses a push to main that does not validate.
python={python}
if [ ! -x "$python" ]; then
  while read -r old new ref; do
    if [ "$ref" = refs/heads/main ]; then
      echo "Winslow is no longer installed at $python, so this push to main cannot be checked;" >&2
      echo "install it there, or run 'winslowctl init --bare' again with the new one" >&2
      exit 1
    fi
  done
  exit 0
fi
PYTHONPATH={root} exec "$python" -m state.hook
"""


class CannotInit(StateError):
    """No repository can be made there; the text says why."""


def init(path: Path, *, bare: bool, files: Mapping[str, str], author: str) -> bool:
    """Make `main` with the files and `winslow/state`. False where a state repository is there already. CannotInit."""
    if (path / "HEAD").exists() or (path / ".git").exists():
        return _refresh(path)
    if path.exists() and any(path.iterdir()):
        raise CannotInit(f"{path} is not empty; name a new folder")
    path.parent.mkdir(parents=True, exist_ok=True)
    repo = pygit2.init_repository(str(path), bare=bare, initial_head="main")
    _configure(repo)
    name, _, rest = author.partition(" <")
    email = rest.rstrip(">")
    tree = build.write_tree(repo, None, {file: text.encode() for file, text in files.items()})
    main = build.commit(repo, [], tree, "Begin a state repository", name=name, email=email)
    repo.references.create(layout.MAIN, main)
    state_tree = build.write_tree(repo, None, {"README.md": STATE_README.encode()})
    state = build.commit(
        repo, [], state_tree, f"begin\n\nWinslow-Event: begin\nWinslow-Wanted: {main}\n", name=name, email=email
    )
    repo.references.create(layout.STATE, state)
    if bare:
        _hook(path)
    else:
        repo.checkout(layout.MAIN)
    return True


def _configure(repo: pygit2.Repository) -> None:
    for key, value in CONFIG.items():
        repo.config[key] = value


def _hook(path: Path) -> None:
    hook = path / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    root = Path(__file__).resolve().parent.parent
    hook.write_text(HOOK.format(python=shlex.quote(sys.executable), root=shlex.quote(str(root))))
    hook.chmod(0o755)


def _refresh(path: Path) -> bool:
    """A repository that is ours gets the present configuration and hook."""
    repo = pygit2.Repository(str(path))
    if repo.references.get(layout.STATE) is None:
        raise CannotInit(f"{path} is a git repository, but no state repository; name a new folder")
    if repo.is_bare:
        _configure(repo)
        _hook(path)
    return False


@dataclass(frozen=True, slots=True)
class Probe:
    """Whether a server lets nodes keep refs of their own."""

    create: bool
    update: bool
    delete: bool
    text: str = ""

    @property
    def good(self) -> bool:
        return self.create and self.update and self.delete


def probe(clone: Path, url: str) -> Probe:
    """Create, force and delete `refs/winslow/probe/<random>` on the server."""
    repo = pygit2.Repository(str(clone))
    ref = f"refs/winslow/probe/{secrets.token_hex(8)}"
    publisher = Publisher(clone, url, timeout=30.0)

    def put(expected: str | None) -> tuple[Outcome, str]:
        blob = str(repo.create_blob(secrets.token_bytes(16)))
        repo.references.create("refs/winslow-ours/probe", blob, force=True)
        return publisher.push([Update(ref, expected, "refs/winslow-ours/probe")], blob), blob

    first, blob = put(None)
    if not isinstance(first, Landed):
        return Probe(False, False, False, first.text)
    second, _ = put(blob)
    gone = git(["push", "--quiet", "--", url, f":{ref}"], folder=clone, timeout=30.0)
    updated = isinstance(second, Landed)
    return Probe(True, updated, gone.code == 0, "" if updated else getattr(second, "text", ""))
