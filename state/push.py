"""The publish path: `git push`, compare-and-swap, and what the server's answer means.

Never libgit2's push: to a repository by path it loses updates (both of two racing pushers are told they won) and runs
no hooks. Importing this module takes it away; `tests/integration/git` has the race that shows why.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import pygit2

from schema import layout
from state.program import Done, TimedOut, git
from state.repository import Landed, Outcome, Rejected, Rejection, Unknown

TIMEOUT = 90.0
_NO_OPTIONS = "does not support push options"
_CREDENTIALS = re.compile(
    r"authentication failed|could not read (username|password)|permission denied|access denied|invalid credentials"
    r"|not authorized|host key verification failed|error: 40[13]|HTTP 40[13]",
    re.IGNORECASE,
)
_PROTECTED = re.compile(
    r"protected branch|not allowed to (force )?push|GH006|GH013|rule violations|deletion prohibited|hidden ref"
    r"|remote rejected\] \(non-fast-forward",
    re.IGNORECASE,
)
"""The last is a server that lets nobody rewrite branches: our lease has held, so it was no race."""
_HOOK = re.compile(r"hook declined|GL-HOOK-ERR", re.IGNORECASE)
_RACE = re.compile(
    r"stale info|fetch first|non-fast-forward|cannot lock ref|failed to update ref|failed to lock"
    r"|reference already exists|incorrect old value|reference is missing|(atomic )?transaction failed",
    re.IGNORECASE,
)
_REASON = re.compile(r"!\t[^\t]*:(?P<ref>[^\t]*)\t\[[^\]]*\](?: \((?P<why>.*)\))?")


@dataclass(frozen=True, slots=True)
class Update:
    """One ref: from where it was seen (None: it must not exist) to a local ref's commit."""

    ref: str
    expected: str | None
    local: str


class Publisher:
    """Pushes from one clone to one remote. Whether the server takes push options is found out once."""

    def __init__(self, clone: Path, url: str, timeout: float = TIMEOUT) -> None:
        self.clone, self.url, self.timeout = clone, url, timeout
        self.options = True

    def push(self, updates: Sequence[Update], oid: str, asks: Sequence[str] = ()) -> Outcome:
        """Landed(oid) only where the server said so. No answer, or none that is understood: Unknown(…, oid).

        `asks` are push options, for a server that takes any.
        """
        try:
            done = self._run(updates, asks)
            if done.code != 0 and self.options and _NO_OPTIONS in done.err:
                self.options = False
                done = self._run(updates)
        except TimedOut as error:
            return Unknown(str(error), oid)
        return Landed(oid, text=done.err[:4000]) if _accepted(done, updates) else refusal(done, oid)

    def _run(self, updates: Sequence[Update], asks: Sequence[str] = ()) -> Done:
        leases = [f"--force-with-lease={update.ref}:{update.expected or ''}" for update in updates]
        specs = [f"{update.local}:{update.ref}" for update in updates]
        checked = bool(asks) or any(update.ref == layout.MAIN for update in updates)  # what people commit is
        wanted = [*asks] if checked else ["ci.skip"]
        options = [word for option in wanted for word in ("-o", option)] if self.options else []
        return git(
            ["push", "--porcelain", "--atomic", *leases, *options, "--", self.url, *specs],
            folder=self.clone,
            timeout=self.timeout,
            url=self.url,
        )


def _accepted(done: Done, updates: Sequence[Update]) -> bool:
    """Every ref is reported as updated. `=` (up to date) is not: somebody else's equal push must not count as ours."""
    if done.code != 0:
        return False
    flags = {line.split("\t")[1].rpartition(":")[2]: line[0] for line in done.out.splitlines() if line.count("\t") >= 2}
    return all(flags.get(update.ref) in (" ", "+", "*") for update in updates)


def refusal(done: Done, oid: str) -> Outcome:
    """What git says of a push that did not land: the reason of each ref first, then what the server said."""
    reasons = " | ".join(match["why"] or "" for line in done.out.splitlines() if (match := _REASON.match(line)))
    text = done.err + "\n" + done.out
    short = _essence(text)
    if not reasons:
        refused = _CREDENTIALS.search(done.err)
        return Rejected(Rejection.CREDENTIALS, short) if refused else Unknown(short or f"git said {done.code}", oid)
    if _PROTECTED.search(text):
        return Rejected(Rejection.PROTECTED, short)
    if _HOOK.search(reasons):
        return Rejected(Rejection.HOOK, short)
    if _RACE.search(reasons):
        return Rejected(Rejection.RACE, short)
    return Rejected(Rejection.UNKNOWN, short)


def _essence(text: str) -> str:
    """The lines that say something, for people."""
    lines = [
        line.strip() for line in text.splitlines() if line.strip() and not line.startswith(("To ", "Done", "hint:"))
    ]
    return " | ".join(lines)[:2000]


def _never(*_: object, **__: object) -> NoReturn:
    raise AssertionError("libgit2's push loses updates; state.push.Publisher publishes")


pygit2.Remote.push = _never  # type: ignore[method-assign]
