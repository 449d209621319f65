"""Edits of `main` by people and programs: fetch, build, push by compare-and-swap, again after a lost race."""

import re
import subprocess
from collections.abc import Callable
from random import Random

from flow.world import ProjectView, Snapshot
from schema import layout
from state.errors import StateError
from state.repository import Edit, Landed, Rejected, Rejection, Repository

ATTEMPTS = 12
_NUMBER = re.compile(r"([0-9]{1,9})")


class NotCommitted(StateError):
    """The edit did not reach `main`; the text says why and what to do."""


def commit_edit(
    repository: Repository,
    build: Callable[[Snapshot], Edit],
    *,
    sleep: Callable[[float], None],
    chance: Random | None = None,
    attempts: int = ATTEMPTS,
) -> str:
    """The id of the commit. `build` is called anew for every attempt, on the newest snapshot. NotCommitted."""
    chance = chance or Random()
    for attempt in range(attempts):
        snapshot = repository.fetch()
        outcome = repository.propose(build(snapshot), base=snapshot.main)
        match outcome:
            case Landed(oid=oid):
                return oid
            case Rejected(kind=Rejection.RACE):
                sleep(chance.uniform(0, min(5.0, 0.1 * 2**attempt)))
            case Rejected(kind=kind, text=text):
                raise NotCommitted(_advice(kind, text))
            case _:
                raise NotCommitted(
                    f"no answer from the server ({outcome.text}); look whether it landed, then try again"
                )
    raise NotCommitted(f"somebody else was first {attempts} times; try again")


def _advice(kind: Rejection, text: str) -> str:
    match kind:
        case Rejection.HOOK:
            return f"the server's check refused it: {text}"
        case Rejection.PROTECTED:
            return f"main is protected; open a merge request instead ({text})"
        case Rejection.CREDENTIALS:
            return f"the server refuses these credentials: {text}"
        case _:
            return f"the server refused it: {text}"


def next_request_name(view: ProjectView | None, kind: str) -> str:
    """`0003-start.yaml`: one above every number that was asked or answered before."""
    names = [file.name for file in view.unanswered] + [reply.request for reply in view.replies] if view else []
    numbers = [int(match[1]) for name in names if (match := _NUMBER.match(name))]
    return layout.request_name(max(numbers, default=0) + 1, kind)


def author() -> str:
    """`Name <address>` from git's own configuration."""
    return f"{_config('user.name') or 'unknown'} <{_config('user.email') or 'unknown@winslow.invalid'}>"


def _config(key: str) -> str:
    done = subprocess.run(["git", "config", "--get", key], capture_output=True, text=True, check=False)
    return done.stdout.strip()
