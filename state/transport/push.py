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
from state.contract.repository import Landed, Outcome, Rejected, Rejection, Unknown
from state.transport.command import Done, TimedOut, git
from state.transport.server_answers import Fault, ServerAnswer, answer

TIMEOUT = 90.0
_NO_OPTIONS = "does not support push options"
_NO_ATOMIC = "does not support --atomic"
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
    """Pushes from one clone to one remote. What the server lacks (push options, `atomic`) is found out once."""

    def __init__(self, clone: Path, url: str, timeout: float = TIMEOUT) -> None:
        self.clone, self.url, self.timeout = clone, url, timeout
        self.options = self.atomic = True
        self.before: tuple[str, ...] = ()  # words of git before the verb

    def push(self, updates: Sequence[Update], oid: str, asks: Sequence[str] = ()) -> Outcome:
        """Landed(oid) only where the server said so. No answer, or none that is understood: Unknown(…, oid).

        `asks` are push options, for a server that takes any.
        """
        try:
            done = self._run(updates, asks)
            while done.code != 0 and self._learned(done, updates):
                done = self._run(updates, asks)
        except TimedOut as error:
            return Unknown(str(error), oid)
        return Landed(oid, text=done.err[:4000]) if _accepted(done, updates) else refusal(done, oid)

    def remove(self, ref: str) -> bool:
        """Whatever it names."""
        try:
            arguments = ["push", "--quiet", "--", self.url, f":{ref}"]
            return git(arguments, folder=self.clone, timeout=self.timeout, url=self.url).code == 0
        except TimedOut:
            return False

    def _learned(self, done: Done, updates: Sequence[Update]) -> bool:
        """Whether the server lacks something that this push can do without."""
        if self.options and _NO_OPTIONS in done.err:
            self.options = False
            return True
        if self.atomic and _NO_ATOMIC in done.err and len(updates) == 1:
            self.atomic = False
            return True
        return False

    def _run(self, updates: Sequence[Update], asks: Sequence[str] = ()) -> Done:
        leases = [f"--force-with-lease={update.ref}:{update.expected or ''}" for update in updates]
        specs = [f"{update.local}:{update.ref}" for update in updates]
        checked = bool(asks) or any(update.ref == layout.MAIN for update in updates)  # what people commit is
        wanted = [*asks] if checked else ["ci.skip"]
        options = [word for option in wanted for word in ("-o", option)] if self.options else []
        together = ["--atomic"] if self.atomic or len(updates) > 1 else []  # one ref alone moves wholly or not at all
        return git(
            [*self.before, "push", "--porcelain", *together, *leases, *options, "--", self.url, *specs],
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
    found = answer(text)
    if found and found.fault is Fault.BROKEN_REF:
        return Rejected(Rejection.BROKEN_REF, f"{found.sentence} ({short})")
    if not reasons:
        return _answered(found, done, short, oid)
    if _PROTECTED.search(text):
        return Rejected(Rejection.PROTECTED, short)
    if _HOOK.search(reasons):
        return Rejected(Rejection.HOOK, short)
    if _RACE.search(reasons):
        return Rejected(Rejection.RACE, short)
    return Rejected(Rejection.UNKNOWN, short)


KINDS = {
    Fault.CREDENTIALS: Rejection.CREDENTIALS,
    Fault.ABSENT: Rejection.CREDENTIALS,
    Fault.TOO_LARGE: Rejection.UNFIT,
    Fault.DUMB: Rejection.UNFIT,
    Fault.NO_GIT: Rejection.UNFIT,
    Fault.LACKS_ATOMIC: Rejection.UNFIT,
    Fault.REFUSED: Rejection.UNFIT,
    Fault.THROTTLED: Rejection.THROTTLED,
}
NEVER_TAKEN = frozenset({Fault.TOO_LARGE, Fault.THROTTLED, Fault.CREDENTIALS, Fault.ABSENT, Fault.REFUSED})
"""Answers that say of a request that was sent as a whole that nothing came of it."""


def _answered(found: ServerAnswer | None, done: Done, short: str, oid: str) -> Outcome:
    """An answer without a word on any ref: of the server, or of something before it."""
    if found is None:
        return Unknown(short or f"git said {done.code}", oid)
    text = f"{found.sentence} ({short})"
    if (found.sent and found.fault not in NEVER_TAKEN) or found.fault not in KINDS:
        if done.retry_after is None or found.sent:
            return Unknown(text, oid)
        return Rejected(Rejection.THROTTLED, text, done.retry_after)
    return Rejected(KINDS[found.fault], text, done.retry_after)


def _essence(text: str) -> str:
    """The lines that say something, for people."""
    lines = [
        line.strip() for line in text.splitlines() if line.strip() and not line.startswith(("To ", "Done", "hint:"))
    ]
    return " | ".join(lines)[:2000]


def _never(*_: object, **__: object) -> NoReturn:
    raise AssertionError("libgit2's push loses updates; state.transport.push.Publisher publishes")


pygit2.Remote.push = _never  # type: ignore[method-assign]
