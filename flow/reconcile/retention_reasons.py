"""What retention may not let go of on a node, and why: for whoever wonders what fills a disk."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from flow.model.snapshot import ProjectView, Snapshot
from flow.reconcile.retention import Drop, OnDisk, Rules, What, bases, for_a_redo, rules_of, untouched
from schema.execution import Execution, State


@dataclass(frozen=True, slots=True)
class Kept:
    project: str
    execution: int
    what: What
    why: str
    container: str


def kept(snapshot: Snapshot, disk: OnDisk, gone: Iterable[Drop], pressure: int = 0) -> tuple[Kept, ...]:
    """Everything on the disk that is not in `gone`, by project and number."""
    left = {(each.project, each.execution, each.what) for each in gone}
    found: list[Kept] = []
    for id in sorted({*disk.workspaces, *disk.logs} & snapshot.projects.keys()):
        found += [each for each in _of_project(snapshot, snapshot.projects[id], disk, pressure)
                  if (each.project, each.execution, each.what) not in left]  # fmt: skip
    return tuple(found)


def _of_project(snapshot: Snapshot, view: ProjectView, disk: OnDisk, pressure: int) -> Iterator[Kept]:
    own = view.project.retention if view.project else snapshot.settings.retention
    whole, reasons = untouched(view), _Reasons(view, disk, rules_of(snapshot.settings.retention, own).under(pressure))
    for record in view.executions:
        container = record.claim.container
        if record.execution in disk.workspaces.get(view.id, ()):
            yield Kept(view.id, record.execution, "workspace", whole or reasons.of_workspace(record), container)
        if container in disk.logs.get(view.id, ()):
            yield Kept(view.id, record.execution, "log", whole or reasons.of_log(record), container)


class _Reasons:
    """Of one project. The first reason that holds is said."""

    def __init__(self, view: ProjectView, disk: OnDisk, rules: Rules) -> None:
        self.view, self.rules = view, rules
        self.held = {number for project, number in disk.held if project == view.id}
        self.pinned = set(view.project.pin if view.project else ())
        self.asked = {request.source for file in view.unanswered if file.request
                      and (request := file.request.workspace)}  # fmt: skip
        self.bases, self.redone = bases(view), for_a_redo(view)

    def _needed(self, record: Execution) -> str:
        number = record.execution
        if not record.state.ended:
            return f"it is {record.state}"
        if number in self.held:
            return "its end is not told yet, or what runs here is built on it"
        if number in self.pinned:
            return "it is pinned in project.yaml"
        if number in self.asked:
            return "a request that has no reply yet names it"
        if number in self.bases:
            return "its chain goes on from it"
        return "it is the newest of its project" if number == self.view.last_execution else ""

    def of_workspace(self, record: Execution) -> str:
        if needed := self._needed(record):
            return needed
        if record.execution in self.redone:
            return "a stage that is redone begins with it"
        succeeded = record.state is State.SUCCEEDED
        most, word = (self.rules.succeeded, "succeeded") if succeeded else (self.rules.failed, "failed")
        return f"of the newest {most} {word} of {record.slot}"

    def of_log(self, record: Execution) -> str:
        return self._needed(record) or f"of the newest {self.rules.logs} logs of {record.slot}"
