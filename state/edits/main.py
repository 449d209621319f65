"""Edits of `main` by people and programs: fetch, build, push by compare-and-swap, again after a lost race."""

import os
from collections.abc import Callable, Mapping
from functools import partial
from random import Random
from textwrap import fill
from typing import Any

import pygit2

from flow.model.backoff import Backoff
from flow.model.snapshot import ProjectView, Snapshot
from schema import codec, layout
from state.contract.commit_message import said
from state.contract.errors import StateError
from state.contract.repository import Edit, Landed, Rejected, Rejection, Repository, Unknown

ATTEMPTS = 12
AFTER_LOST_RACES = Backoff(first=0.1, longest=5.0)
PROGRAM = "winslow <winslow@winslow.invalid>"
"""The author where nobody is known."""


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
    """The id of the commit. `build` is called anew for every attempt, on the newest snapshot. NotCommitted.

    A push without an answer is looked for in `main` before anything is tried again, so an edit lands once.
    """
    chance, sent = chance or Random(), list[str]()
    for attempt in range(attempts):
        snapshot = repository.fetch()
        if landed := next((oid for oid in sent if repository.descends(snapshot.main, oid)), None):
            return landed
        match repository.propose(build(snapshot), base=snapshot.main):
            case Landed(oid=oid):
                return oid
            case Rejected(kind=Rejection.RACE):
                pass
            case Rejected(kind=kind, text=text):
                raise NotCommitted(_advice(kind, text))
            case Unknown(text=text, oid=oid):
                if not oid:
                    raise NotCommitted(f"no answer from the server ({text}); look whether it landed, then try again")
                sent.append(oid)
        sleep(AFTER_LOST_RACES.spread(attempt + 1, chance))
    raise NotCommitted(f"it could not be committed in {attempts} attempts; try again")


def _advice(kind: Rejection, text: str) -> str:
    match kind:
        case Rejection.HOOK:
            return f"the server's check refused it: {text}"
        case Rejection.PROTECTED:
            return f"main is protected; open a merge request instead ({text})"
        case Rejection.CREDENTIALS:
            return f"the server refuses these credentials: {text}"
        case Rejection.NOT_SENT:
            return f"nothing was sent to the server, because of this machine: {text}"
        case _:
            return f"the server refused it: {text}"


def next_request_name(view: ProjectView | None, kind: str) -> str:
    """`0003-start.yaml`: one above every number that was asked or answered before."""
    if view is None:
        return layout.request_name(1, kind)
    names = [file.name for file in view.unanswered] + [*view.withheld] + [reply.request for reply in view.replies]
    return layout.request_name(layout.next_number(names, view.last_seq), kind)


def request_edit(snapshot: Snapshot, project: str, wish: dict[str, Any], author: str) -> Edit:
    """One request as a commit, under the project's next number."""
    name = next_request_name(snapshot.projects.get(project), str(wish["request"]))
    stage = f" at {wish['stage']}" if wish.get("stage") else ""
    comment = f"\n\n{said(str(wish['comment']))}" if wish.get("comment") else ""
    subject = f"{wish['request']} {project}{stage}{comment}\n"
    return Edit({layout.request(project, name): codec.dump(wish)}, subject, author)


def requests_edit(snapshot: Snapshot, wishes: Mapping[str, dict[str, Any]], author: str) -> Edit:
    """One request each for several projects, as one commit; those that are gone are left out. NotCommitted."""
    there = [id for id in wishes if (view := snapshot.projects.get(id)) and view.project]
    if not there:
        raise NotCommitted("none of these projects is there any more")
    edits = {id: request_edit(snapshot, id, wishes[id], author) for id in there}
    if len(edits) == 1:
        return edits[there[0]]
    wish = wishes[there[0]]
    comment = f"{said(str(wish['comment']))}\n\n" if wish.get("comment") else ""
    message = (
        f"{wish['request']} {len(edits)} projects\n\n{comment}{fill(' '.join(there), 72, break_on_hyphens=False)}\n"
    )
    return Edit({path: text for edit in edits.values() for path, text in edit.files.items()}, message, author)


def author() -> str:
    """`Name <address>` from git's own configuration, else Winslow's own."""
    name, address = configured("user.name"), configured("user.email")
    return f"{name} <{address}>" if name and address else PROGRAM


def configured(key: str) -> str:
    """What git's configuration says of this person, or else of everybody on this machine; empty where it is silent."""
    own = os.environ.get("GIT_CONFIG_GLOBAL")
    of_person = (
        [partial(pygit2.Config, own)] if own else [pygit2.Config.get_global_config, pygit2.Config.get_xdg_config]
    )
    for place in (*of_person, pygit2.Config.get_system_config):
        try:
            if found := str(place()[key]).strip():
                return found
        except UnicodeDecodeError as error:
            return as_text(bytes(error.object)).strip()
        except (KeyError, OSError, pygit2.GitError):
            continue
    return ""


def as_text(raw: bytes) -> str:
    """A name in bytes: UTF-8, else in the older encoding of western Europe, where every byte is a character."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")
