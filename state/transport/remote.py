"""The remote of a clone, for reading: which commits its refs name, and bringing them here."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import pygit2

from schema import layout
from state.contract.errors import CredentialsRefused, Damaged, NotAStateRepository, StateError, Unreachable
from state.transport import urls
from state.transport.command import Done, TimedOut, git
from state.transport.ownership import SHA256, why_unreadable
from state.transport.server_answers import Fault, answer

POLL_TIMEOUT = 90.0
"""Over ssh a poll takes eleven round trips: nearly a minute where one takes five seconds."""
_DAMAGE = re.compile(
    r"corrupt|bad object|bad tree|unable to (read|unpack)|inflate|not a git repository|loose object|packfile"
    r"|invalid sha1 pointer|did not send all necessary|unresolved delta|broken link|bad config"
    r"|unexpected line in|bad ref\b|missing object|could not read [0-9a-f]{40}|failed to traverse parents",
    re.IGNORECASE,
)
_CUT = re.compile(
    r"early EOF|unexpected disconnect|hung up|RPC failed|connection|timed out|could not resolve|no space left",
    re.IGNORECASE,
)
_SPOILT = re.compile(
    r"index-pack|pack is corrupted|pack has bad object|unpack-objects|inflate: data stream error|bad pack header"
    r"|bad band",
    re.IGNORECASE,
)
SPOILT_AT_MOST = 5
"""Packs in a row that came damaged before this clone is suspected: a bad line or a proxy is the more likely cause."""
_SHA256 = re.compile(r"mismatched algorithms|unsupported object format 'sha256'|object-format=sha256", re.IGNORECASE)
_DUBIOUS = re.compile(r"detected dubious ownership in repository at '([^']*)'")
_BRANCHES = (layout.STATE, layout.MAIN)


class Remote:
    def __init__(self, url: str, clone: Path, timeout: float) -> None:
        self.url, self.clone, self.timeout = url, clone, timeout
        self.folder = urls.local_path(url)
        self.shown = urls.shown(url)
        self._answered = False
        self._spoilt = 0  # fetches in a row of which what came was damaged

    def refs(self) -> dict[str, str]:
        """Both branches and the heartbeats. In a repository by path `winslow/state` is resolved before `main`."""
        found = self.listed()
        if missing := [name for name in _BRANCHES if name not in found]:
            raise self._lacks(missing)
        self._answered = True
        return found

    def listed(self) -> dict[str, str]:
        """Those that are there, also where a branch is gone."""
        return self._here(self.folder) if self.folder else self._there()

    def _lacks(self, missing: Sequence[str]) -> StateError:
        """A branch that was there is not made by `init`: it was renamed or deleted, and has to be put back."""
        short = missing[0].removeprefix("refs/heads/")
        if self._answered and len(missing) == len(_BRANCHES):
            return Unreachable(f"{self.shown} answers with nothing: no branch that was there is there any more")
        if self._answered or missing == [layout.MAIN]:
            return NotAStateRepository(
                f"{self.shown} has no branch {short} any more: it was renamed or deleted; put it back "
                f"(git push URL NEW-NAME:refs/heads/{short}), nodes wait for it"
            )
        return NotAStateRepository(f"{self.shown} has no branch {short}; `winslowctl init` makes one")

    def fetch(self, specs: Sequence[str]) -> None:
        self._run(
            ["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-auto-gc", "--", self.url, *specs],
            self.timeout,
        )

    def blob(self, oid: str, limit: int) -> bytes | None:
        """An object of a repository by path, read where it is."""
        if self.folder is None:
            return None
        try:
            repo = pygit2.Repository(str(self.folder))
            found = repo[oid] if repo.odb.read_header(oid)[1] <= limit else None
        except (KeyError, ValueError, pygit2.GitError):
            return None
        return bytes(found.data) if isinstance(found, pygit2.Blob) else None

    def _here(self, folder: Path) -> dict[str, str]:
        try:
            repo = pygit2.Repository(str(folder))
            return dict(_listed(repo))
        except (pygit2.GitError, KeyError, ValueError) as error:
            raise self._missing(str(error)) from None

    def _missing(self, why: str) -> StateError:
        if self._answered:
            return Unreachable(f"{self.shown} cannot be read: {why}")
        nothing = f"there is no git repository at {self.shown}; `winslowctl init --bare` makes one"
        return NotAStateRepository((why_unreadable(self.folder) if self.folder else "") or nothing)

    def _there(self) -> dict[str, str]:
        patterns = [*_BRANCHES, f"{layout.NODES}*", f"{layout.NODE_BRANCHES}*"]
        out = self._run(["ls-remote", "--", self.url, *patterns], POLL_TIMEOUT)
        pairs = (line.split("\t", 1) for line in out.splitlines() if "\t" in line)
        return {name: oid for oid, name in pairs if _known(name)}

    def _run(self, arguments: Sequence[str], timeout: float) -> str:
        try:
            done = git(arguments, folder=self.clone, timeout=timeout, url=self.url)
        except TimedOut as error:
            raise Unreachable(f"{self.shown}: {error}") from None
        if done.code != 0:
            raise self._failure(done)
        if "fetch" in arguments:
            self._spoilt = 0
        return done.out

    def _failure(self, done: Done) -> StateError:
        lines = [line.strip() for line in done.err.splitlines() if line.strip(" @")]
        short = " | ".join(lines)[:400]
        own = "\n".join(line for line in lines if not line.startswith("remote:"))
        found = answer(done.err)
        fault = found.fault if found else None
        if fault is Fault.CREDENTIALS:
            return CredentialsRefused(f"{self.shown} refuses our credentials: {short}")
        if _SHA256.search(own):
            return NotAStateRepository(f"{self.shown} {SHA256}")
        if dubious := _DUBIOUS.search(done.err):
            add = f"git config --global --add safe.directory {dubious[1]}"
            return NotAStateRepository(f"{self.shown} belongs to another user there; as the user you are there: {add}")
        if fault is Fault.ABSENT and not self._answered:
            return NotAStateRepository(f"there is no repository at {self.shown}: {short}")
        if _SPOILT.search(own) and self._spoilt < SPOILT_AT_MOST:
            self._spoilt += 1
            return Unreachable(f"what {self.shown} sent came damaged, and is asked for again: {short}")
        if damaged(own) and not _CUT.search(own):
            return Damaged(f"the clone cannot be used: {short}")
        if found and fault is not Fault.BROKEN_REF:
            return Unreachable(f"{self.shown}: {found.sentence} ({short})", done.retry_after)
        return Unreachable(f"{self.shown} does not answer: {short}")


def damaged(text: str) -> bool:
    """Whether git complains of this clone, or of what it received."""
    return bool(_DAMAGE.search(text))


def _listed(repo: pygit2.Repository) -> Mapping[str, str]:
    """Names in bytes: git lets a ref be called almost anything, and what cannot be read is no node's."""
    found = {}
    for name in _BRANCHES:
        ref = repo.references.get(name)
        if ref is not None:
            found[name] = str(ref.resolve().target)
    for raw in repo.raw_listall_references():
        name = raw.decode(errors="replace")
        if name not in _BRANCHES and _known(name) and (oid := _target(repo, name)):
            found[name] = oid
    return found


def _target(repo: pygit2.Repository, name: str) -> str | None:
    """None for a ref that was damaged: it is one node's, and stops nobody else."""
    try:
        return str(repo.references[name].resolve().target)
    except (KeyError, ValueError, pygit2.GitError):
        return None


def broken_refs_in(folder: Path) -> list[str]:
    """Refs of a repository by path that name an object which it does not have, or nothing at all."""
    try:
        repo = pygit2.Repository(str(folder))
        names = [raw.decode(errors="replace") for raw in repo.raw_listall_references()]
        return [name for name in names if _is_broken(repo, name)]
    except (KeyError, ValueError, pygit2.GitError):
        return []


def _is_broken(repo: pygit2.Repository, name: str) -> bool:
    try:
        target = repo.references[name].target
    except (KeyError, ValueError, pygit2.GitError):
        return True
    return isinstance(target, pygit2.Oid) and target not in repo.odb  # git minds no name that stands for a missing one


def _known(name: str) -> bool:
    """A node's ref has a node's name: it becomes a part of other names."""
    if name in _BRANCHES:
        return True
    for prefix in (layout.NODES, layout.NODE_BRANCHES):
        if name.startswith(prefix):
            return layout.place_on_main(layout.node(name.removeprefix(prefix))) is not None
    return False
