"""A trigger in simulated worlds: each end of one project starts another, once, whichever node sees it first."""

import re
from collections.abc import Callable, Mapping

from controller.journal.small_files import MemoryDisk
from controller.triggers.trigger_memory import FileNotes, TriggerNotes
from controller.triggers.trigger_work import SteadyClock, TriggerWork
from flow.model.snapshot import ProjectView, Snapshot
from flow.status.states import project_state
from flow.triggers.firings import requests_in
from state.contract.repository import Repository

SOURCE, STARTED = "v0", "v1"
FILE = "triggers/t.yaml"
TRIGGER = f"project: {{name: {SOURCE}, state: any}}\nstart: {{project: {STARTED}}}\n"
_REQUEST = re.compile(r"start-t-v0\.([0-9]+)(f?)\.yaml")


def watcher(disk: MemoryDisk, repository: Repository, now: Callable[[], float]) -> TriggerWork:
    """The work of one node. It remembers on that disk, and commits over that way."""
    clock = SteadyClock(now, now)
    silent = lambda _: None  # noqa: E731
    return TriggerWork(lambda: repository, TriggerNotes(disk), FileNotes(disk), None, clock, silent, silent)  # type: ignore[arg-type]


def broken(views: Mapping[str, ProjectView]) -> str:
    """What is wrong with the starts that were made: each is of an end that can have been, and of each there is one."""
    if STARTED not in views or SOURCE not in views:
        return ""
    chains = {reply.seq for reply in views[SOURCE].replies if reply.kind == "start" and reply.accepted}
    for name in requests_in(views[STARTED]):
        if name.startswith("start-t-"):
            match = _REQUEST.fullmatch(name)
            if match is None or int(match[1]) not in chains:
                return f"{name} of {STARTED} is of no end of {SOURCE}"
    return ""


def missing(snapshot: Snapshot) -> str:
    """The start that ought to be there by the end that stands; nothing where it is."""
    view = snapshot.projects[SOURCE]
    state = project_state(snapshot, view).state
    chains = [reply.seq for reply in view.replies if reply.kind == "start" and reply.accepted]
    if state not in ("succeeded", "failed") or not chains or view.asked:
        return ""
    name = f"start-t-{SOURCE}.{chains[-1]}{'' if state == 'succeeded' else 'f'}.yaml"
    return "" if name in requests_in(snapshot.projects[STARTED]) else f"{SOURCE} {state}, and there is no {name}"
