"""Marks of what was told of a node that is gone, so that one of many who could tell it does.

A mark is a commit without parents behind `refs/winslow/told/<node>`, or the branch `winslow-told/<node>` where a server
keeps `refs/winslow` for itself. A node has one, which is rewritten and never grows. Who moves it by a compare-and-swap
tells; who comes later finds the mark of the other. Nobody has to live on for that, and there is no master.
"""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

import pygit2
from pygit2.enums import ObjectType

from schema import layout
from state.contract.errors import StateError
from state.contract.repository import Landed, Outcome, Rejected, Rejection
from state.git import commit_builder
from state.transport import urls
from state.transport.command import TimedOut, git
from state.transport.push import Publisher, Update

TIMEOUT = 30.0
MAX_BYTES = 4096
PLACES = (layout.TOLD, layout.TOLD_BRANCHES)
ATTEMPTS = 3
"""Races in a row that are lost before it is left to the next turn."""
CLOSED = frozenset({Rejection.HOOK, Rejection.PROTECTED, Rejection.CREDENTIALS})
_BEAT, _BY = b"Winslow-Beat: ", b"Winslow-By: "


class Mark(StrEnum):
    """Whose it is to tell."""

    OURS = "ours"
    THEIRS = "theirs"
    AGAIN = "again"  # not known yet: the server is away, or its answer was lost
    CLOSED = "closed"  # nobody has told it, and we may write no mark


class ToldMarks:
    """`folder` is a small clone of its own; `teller` a random id that stays the same over restarts."""

    def __init__(self, folder: Path, url: str, teller: str, timeout: float = TIMEOUT) -> None:
        self.folder, self.url, self.teller, self.timeout = folder, urls.check(url), teller, timeout

    def take(self, node: str, beat: str) -> Mark:
        """Whose it is to tell that the node was silent after `beat`. Asked again, the answer stays the same.

        A mark of ours counts also where the answer to its push was lost, or we died before it was told.
        """
        try:
            repo = pygit2.init_repository(str(self.folder), bare=True)
            for _ in range(ATTEMPTS):
                found = self._found(repo, node)
                for oid in found.values():
                    known, by = read(repo, oid)
                    if known == beat:
                        return Mark.OURS if by == self.teller else Mark.THEIRS
                outcome = self._put(repo, node, beat, found)
                if isinstance(outcome, Landed):
                    return Mark.OURS
                if not isinstance(outcome, Rejected):
                    return Mark.AGAIN
                if outcome.kind in CLOSED:
                    return Mark.CLOSED
                if outcome.kind is not Rejection.RACE:
                    return Mark.AGAIN
        except (StateError, TimedOut, OSError, pygit2.GitError):
            pass
        return Mark.AGAIN

    def _found(self, repo: pygit2.Repository, node: str) -> Mapping[str, str]:
        """Place to what stands there now, brought here. TimedOut, StateError."""
        refs = [f"{place}{node}" for place in PLACES]
        lines = [line.split("\t", 1) for line in self._git("ls-remote", "--", self.url, *refs).splitlines()]
        found = {ref.removesuffix(node): oid for oid, ref in lines if ref in refs}
        if lacking := [f"{place}{node}" for place, oid in found.items() if oid not in repo.odb]:
            options = ("--quiet", "--no-tags", "--no-write-fetch-head", "--no-auto-gc", "--depth=1")
            self._git("fetch", *options, "--", self.url, *(f"+{ref}:{ref}" for ref in lacking))
        return found

    def _git(self, *arguments: str) -> str:
        done = git(list(arguments), folder=self.folder, timeout=self.timeout, url=self.url)
        if done.code:
            raise StateError(f"{urls.shown(self.url)} does not answer")
        return done.out

    def _put(self, repo: pygit2.Repository, node: str, beat: str, found: Mapping[str, str]) -> Outcome:
        """To the refs; where the server lets nobody write those, to the branches."""
        oid = self._commit(repo, node, beat)
        outcome: Outcome
        for place in PLACES:
            ref = f"{place}{node}"
            update = Update(ref, found.get(place), oid)
            outcome = Publisher(self.folder, self.url, self.timeout).push([update], oid)
            if not (isinstance(outcome, Rejected) and outcome.kind in (Rejection.HOOK, Rejection.PROTECTED)):
                break
        return outcome

    def _commit(self, repo: pygit2.Repository, node: str, beat: str) -> str:
        """It names who tells, so that two who mark the same push different objects: git tells both of equals "ok"."""
        tree = commit_builder.write_tree(repo, None, {})
        message = f"Tell that {node} is lost\n\n{_BEAT.decode()}{beat}\n{_BY.decode()}{self.teller}\n"
        return commit_builder.commit(repo, [], tree, message, author="winslow <winslow@winslow.invalid>")


def read(repo: pygit2.Repository, oid: str) -> tuple[str, str]:
    """The heartbeat after which a node was silent, and who told it; nothing of what is no mark."""
    try:
        kind, size = repo.odb.read_header(oid)
        if kind != ObjectType.COMMIT or size > MAX_BYTES:
            return "", ""
        message = repo.odb.read(oid)[1].partition(b"\n\n")[2]
    except (KeyError, ValueError, pygit2.GitError):
        return "", ""
    lines = message.split(b"\n")
    beat, by = (
        next((line.removeprefix(word) for line in lines if line.startswith(word)), b"") for word in (_BEAT, _BY)
    )
    return beat.decode(errors="replace"), by.decode(errors="replace")
