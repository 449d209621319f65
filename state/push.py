"""The publish path: `git push`, compare-and-swap, and what the server's answer means.

Never libgit2's push: to a repository by path it loses updates (both of two racing pushers are told they won) and runs
no hooks. `tests/integration/git` has the race that shows it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from state.program import Done, TimedOut, git
from state.repository import Landed, Outcome, Rejected, Rejection, Unknown

TIMEOUT = 60.0
_NO_OPTIONS = "does not support push options"
_CREDENTIALS = re.compile(
    r"authentication failed|could not read username|permission denied|access denied|invalid credentials|HTTP 40[13]"
    r"|not authorized|returned error: 40[13]",
    re.IGNORECASE,
)
_PROTECTED = re.compile(
    r"protected branch|not allowed to push|GL-HOOK-ERR|denying non-fast-forward|deny", re.IGNORECASE
)
_RACE = re.compile(
    r"stale info|fetch first|non-fast-forward|cannot lock ref|failed to update ref|remote ref", re.IGNORECASE
)


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

    def push(self, updates: Sequence[Update], oid: str) -> Outcome:
        """Landed(oid) only where the server said so. No answer, or none that is understood: Unknown."""
        try:
            done = self._run(updates)
            if done.code != 0 and self.options and _NO_OPTIONS in done.err:
                self.options = False
                done = self._run(updates)
        except TimedOut as error:
            return Unknown(str(error))
        return Landed(oid) if _accepted(done, updates) else _refusal(done)

    def _run(self, updates: Sequence[Update]) -> Done:
        leases = [f"--force-with-lease={update.ref}:{update.expected or ''}" for update in updates]
        specs = [f"{update.local}:{update.ref}" for update in updates]
        options = ["-o", "ci.skip"] if self.options else []
        return git(
            ["push", "--porcelain", "--atomic", *leases, *options, "--", self.url, *specs],
            folder=self.clone,
            timeout=self.timeout,
        )


def _accepted(done: Done, updates: Sequence[Update]) -> bool:
    """Every ref is reported as updated. `=` (up to date) is not: somebody else's equal push must not count as ours."""
    if done.code != 0:
        return False
    flags = {line.split("\t")[1].rpartition(":")[2]: line[0] for line in done.out.splitlines() if line.count("\t") >= 2}
    return all(flags.get(update.ref) in (" ", "+", "*") for update in updates)


def _refusal(done: Done) -> Outcome:
    text = (done.err + "\n" + done.out).strip()
    short = _essence(text)
    if "pre-receive hook declined" in text or "update hook declined" in text or "hook declined" in text:
        return Rejected(Rejection.HOOK, short)
    if _CREDENTIALS.search(text):
        return Rejected(Rejection.CREDENTIALS, short)
    if _RACE.search(text):
        return Rejected(Rejection.RACE, short)
    if "[remote rejected]" in text:
        return Rejected(Rejection.PROTECTED if _PROTECTED.search(text) else Rejection.UNKNOWN, short)
    return Unknown(short or f"git push ended with {done.code}")


def _essence(text: str) -> str:
    """The lines that say something, for people."""
    lines = [
        line.strip() for line in text.splitlines() if line.strip() and not line.startswith(("To ", "Done", "hint:"))
    ]
    return " | ".join(lines)[:600]
