"""Asks a server whether it lets nodes give signs of life, and where; and whether a push there is a compare-and-swap."""

import secrets
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pygit2

from schema import layout
from state.contract.errors import StateError
from state.contract.repository import Landed, Outcome, Rejected, Unknown
from state.git import commit_builder
from state.transport import urls
from state.transport.command import git
from state.transport.push import Publisher, Update

TIMEOUT = 30.0
REFS = "refs/winslow/probe/"
BRANCH = f"{layout.NODE_BRANCHES}PROBE"
"""No node has such a name. Always the same one: where nobody may delete branches, one stays, and not one each time."""
AUTHOR = "winslow <winslow@winslow.invalid>"
NO_SWAP = (
    "the server tells a push that came too late that it has landed, so two nodes would run the same stage; Winslow "
    "cannot use it: take git's own server (ssh, or git http-backend), Gitea, Forgejo or GitLab"
)
HIDDEN = (
    "take refs/winslow out of uploadpack.hideRefs or transfer.hideRefs there "
    "(`git config --show-origin --get-regexp hiderefs`)"
)
WAIT = """#!/bin/sh
: >'{folder}/reached'
tries=0
while [ ! -e '{folder}/go' ] && [ $tries -lt {tries} ]; do
  sleep 0.05
  tries=$((tries + 1))
done
"""
"""Git runs this between the look at the server's refs and the push."""


@dataclass(frozen=True, slots=True)
class Probe:
    """What a server let us do with refs of one kind. `compares`: whether it refused a push with an old value that was
    no longer true; None where that could not be asked.
    """

    create: bool
    update: bool
    delete: bool
    text: str = ""
    compares: bool | None = None
    refused: bool = False  # the first of it, by an answer
    answered: bool = True  # whether an answer came to the last push
    hidden: bool = False  # the server took it, and does not show it to who reads

    @property
    def good(self) -> bool:
        """All that a node needs. Nothing is deleted by nodes."""
        return self.create and self.update and not self.hidden


def probe(url: str, *, branches: bool = False) -> Probe:
    """Create, force and delete `refs/winslow/probe/<random>`, or a branch beside those of nodes."""
    with TemporaryDirectory(prefix="winslow-probe-") as folder:
        pygit2.init_repository(folder, bare=True)
        return _Prober(Path(folder), urls.check(url), branches).probe()


def swaps(url: str) -> bool:
    """False only for a server on which a push is known to be no compare-and-swap. Git itself always compares."""
    url = urls.check(url)
    if urls.local_path(url) is not None:
        return True
    found = probe(url)
    if not found.good and (found.create or found.refused):
        found = probe(url, branches=True)
    return found.compares is not False


class _Prober:
    def __init__(self, clone: Path, url: str, branches: bool) -> None:
        self.clone, self.url, self.branches = clone, url, branches
        self.repo = pygit2.Repository(str(clone))
        self.ref = BRANCH if branches else REFS + secrets.token_hex(8)
        self.publisher = Publisher(clone, url, timeout=TIMEOUT)

    def probe(self) -> Probe:
        try:
            first, oid = self._put(self._left_behind())
            if not isinstance(first, Landed):
                refused = isinstance(first, Rejected)
                return Probe(False, False, False, first.text, refused=refused, answered=refused)
            second, other = self._put(oid)
            text = "" if isinstance(second, Landed) else second.text
            hidden = not text and not self._shown(other)
            compares = None if text else self._compares(other)
            gone = self.publisher.remove(self.ref)
        except StateError as error:
            return Probe(False, False, False, str(error), answered=False)
        said = text or (HIDDEN if hidden else "" if gone else "it lets nobody delete refs")
        answered = not isinstance(second, Unknown)
        return Probe(True, not text, gone, said, compares, answered=answered, hidden=hidden)

    def _left_behind(self) -> str | None:
        """What an earlier probe could not take with it. Those of older versions had a name each."""
        if not self.branches:
            return None
        done = git(["ls-remote", "--", self.url, f"{BRANCH}*"], folder=self.clone, timeout=TIMEOUT, url=self.url)
        found = [line.split("\t", 1) for line in done.out.splitlines() if "\t" in line]
        kept = {name: oid for oid, name in found if not self.publisher.remove(name)}
        return kept.get(self.ref)

    def _shown(self, oid: str) -> bool:
        """Whether a reader sees what was written: a mirror may lag for a moment, and a look that fails says nothing."""
        for rest in (0.0, 0.5, 2.0):
            time.sleep(rest)
            done = git(["ls-remote", "--", self.url, self.ref], folder=self.clone, timeout=TIMEOUT, url=self.url)
            if done.code != 0 or oid in done.out:
                return True
        return False

    def _compares(self, oid: str) -> bool | None:
        """Two pushes on the same old value, of which the second arrives when the first has landed."""
        hooks = self.clone / "probe-hooks"
        hooks.mkdir()
        (hooks / "pre-push").write_text(WAIT.format(folder=hooks, tries=int(TIMEOUT / 0.05)))
        (hooks / "pre-push").chmod(0o755)
        late_publisher = Publisher(self.clone, self.url, timeout=2 * TIMEOUT)
        late_publisher.options, late_publisher.atomic = self.publisher.options, self.publisher.atomic
        late_publisher.before = ("-c", f"core.hooksPath={hooks}")
        outcomes: list[Outcome] = []
        update = Update(self.ref, oid, self._named("late"))
        thread = threading.Thread(target=lambda: outcomes.append(late_publisher.push([update], "")), daemon=True)
        thread.start()
        try:
            if not _appears(hooks / "reached", thread):
                return None
            early, _ = self._put(oid)
        finally:
            (hooks / "go").touch()
            thread.join(3 * TIMEOUT)
        if not isinstance(early, Landed) or not outcomes:
            return None
        return {Landed: False, Rejected: True}.get(type(outcomes[0]))

    def _put(self, expected: str | None) -> tuple[Outcome, str]:
        local = self._named("probe")
        oid = str(self.repo.references[local].target)
        return self.publisher.push([Update(self.ref, expected, local)], oid), oid

    def _named(self, name: str) -> str:
        """A fresh object, by a ref of this clone."""
        local = f"refs/winslow-ours/{name}"
        self.repo.references.create(local, self._made(), force=True)
        return local

    def _made(self) -> str:
        content = secrets.token_bytes(16)
        if not self.branches:
            return str(self.repo.create_blob(content))
        tree = commit_builder.write_tree(self.repo, None, {"probe": content})
        return commit_builder.commit(self.repo, [], tree, "Ask what the server allows", author=AUTHOR)


def _appears(path: Path, thread: threading.Thread) -> bool:
    """Whether it does, before the thread that is to make it ends or takes too long."""
    deadline = time.monotonic() + TIMEOUT
    while not path.exists():
        if not thread.is_alive() or time.monotonic() > deadline:
            return path.exists()
        time.sleep(0.02)
    return True
