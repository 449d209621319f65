"""Asking a server whether it lets nodes give signs of life, and where."""

import secrets
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pygit2

from schema import layout
from state import build, urls
from state.errors import StateError
from state.program import git
from state.push import Publisher, Update
from state.repository import Landed, Outcome

TIMEOUT = 30.0
REFS = "refs/winslow/probe/"
BRANCHES = f"{layout.NODE_BRANCHES}PROBE-"
"""No node has such a name."""
AUTHOR = "winslow <winslow@winslow.invalid>"


@dataclass(frozen=True, slots=True)
class Probe:
    """What a server let us do with refs of one kind."""

    create: bool
    update: bool
    delete: bool
    text: str = ""

    @property
    def good(self) -> bool:
        return self.create and self.update and self.delete


def probe(url: str, *, branches: bool = False) -> Probe:
    """Create, force and delete `refs/winslow/probe/<random>`, or a branch beside those of nodes."""
    with TemporaryDirectory(prefix="winslow-probe-") as folder:
        pygit2.init_repository(folder, bare=True)
        return _Prober(Path(folder), urls.check(url), branches).probe()


class _Prober:
    def __init__(self, clone: Path, url: str, branches: bool) -> None:
        self.clone, self.url, self.branches = clone, url, branches
        self.repo = pygit2.Repository(str(clone))
        self.ref = (BRANCHES if branches else REFS) + secrets.token_hex(8)
        self.publisher = Publisher(clone, url, timeout=TIMEOUT)

    def probe(self) -> Probe:
        first, oid = self._put(None)
        if not isinstance(first, Landed):
            return Probe(False, False, False, first.text)
        second, _ = self._put(oid)
        text = "" if isinstance(second, Landed) else second.text
        try:
            gone = git(
                ["push", "--quiet", "--", self.url, f":{self.ref}"], folder=self.clone, timeout=TIMEOUT, url=self.url
            )
        except StateError as error:
            return Probe(True, not text, False, str(error))
        return Probe(True, not text, gone.code == 0, text or gone.err.strip()[:400])

    def _put(self, expected: str | None) -> tuple[Outcome, str]:
        oid, local = self._made(), "refs/winslow-ours/probe"
        self.repo.references.create(local, oid, force=True)
        return self.publisher.push([Update(self.ref, expected, local)], oid), oid

    def _made(self) -> str:
        content = secrets.token_bytes(16)
        if not self.branches:
            return str(self.repo.create_blob(content))
        tree = build.write_tree(self.repo, None, {"probe": content})
        return build.commit(
            self.repo, [], tree, "Ask what the server allows", author="winslow <winslow@winslow.invalid>"
        )
