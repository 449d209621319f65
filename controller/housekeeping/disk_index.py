"""Which executions lie on this node's disk, by project. Looked at as a whole seldom; in between it follows the records:
a workspace or a log appears only where an execution changes, and goes only by retention or with its project.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

from controller.housekeeping.deletion import execution_of, project_of
from flow.model.snapshot import ProjectView, Snapshot
from flow.reconcile.retention import Drop, OnDisk
from runner import durable
from runner.store.collect import NOTE
from runner.store.identity import is_shared
from schema.execution import Execution

Found = TypeVar("Found")
Held = Iterable[tuple[str, int]]


class DiskIndex:
    def __init__(self, data: Path, *, workspaces: bool = True) -> None:
        self.data, self._all_kinds = data, workspaces
        self._workspaces: dict[str, set[int]] = {}
        self._runs: dict[str, dict[str, int | None]] = {}  # containers, with their execution where that is known
        self._views: Mapping[str, ProjectView] = {}

    @property
    def wants_workspaces(self) -> bool:
        """Of a shared store no node alone can say what may go."""
        return self._all_kinds and not is_shared(self.data)

    def scan(self, snapshot: Snapshot) -> None:
        """All of it, from the folders alone."""
        self._workspaces, self._runs, self._views = {}, {}, snapshot.projects
        for note in () if not self.wants_workspaces else (self.data / "projects").glob(f"*/[0-9]*/{NOTE}"):
            self._keep_workspace(note.parent.parent.name, note.parent)
        for file in (self.data / "runs").glob("*/project"):
            self._keep_run(file.parent)

    def follow(self, snapshot: Snapshot) -> frozenset[str]:
        """The projects that changed since the last look, whose new executions are looked for."""
        before, self._views = self._views, snapshot.projects
        changed = {id for id, view in snapshot.projects.items() if before.get(id) is not view}
        for id in changed:
            self._look(id, before.get(id), snapshot.projects[id])
        for id in before.keys() - snapshot.projects.keys():
            self._forget_project(id)
        return frozenset(changed)

    def _look(self, id: str, before: ProjectView | None, now: ProjectView) -> None:
        if now.deletion or now.tombstone:
            self._forget_project(id)
            return
        again = before is None or before.deletion or before.tombstone
        for record in now.executions if again else _fresh(before, now):
            if self.wants_workspaces:
                self._keep_workspace(id, self.data / "projects" / id / f"{record.execution:04d}")
            self._keep_run(self.data / "runs" / record.claim.container)

    def _keep_workspace(self, project: str, folder: Path) -> None:
        if folder.name.isdigit() and _has_workspace(folder):
            self._workspaces.setdefault(project, set()).add(int(folder.name))

    def _keep_run(self, run: Path) -> None:
        if project := project_of(run):
            self._runs.setdefault(project, {})[run.name] = execution_of(run)

    def _forget_project(self, id: str) -> None:
        self._workspaces.pop(id, None)
        self._runs.pop(id, None)

    def still_there(self, drop: Drop) -> bool:
        """Somebody else may have dropped it: `winslowctl prune`, or a deletion."""
        if drop.what == "log":
            return (self.data / "runs" / drop.container).is_dir()
        return _has_workspace(self.data / "projects" / drop.project / f"{drop.execution:04d}")

    def forget(self, drop: Drop) -> None:
        if drop.what == "log":
            self._runs.get(drop.project, {}).pop(drop.container, None)
        else:
            self._workspaces.get(drop.project, set()).discard(drop.execution)

    def runs(self, among: Collection[str] | None) -> list[Path]:
        """Folders of runs: of some projects, or of all."""
        return [self.data / "runs" / name for _, found in _some(self._runs, among) for name in found]

    def on_disk(self, held: Held, among: Collection[str] | None = None) -> OnDisk:
        """Of some projects, or of all."""
        runs = dict(_some(self._runs, among))
        return OnDisk(
            {id: frozenset(numbers) for id, numbers in _some(self._workspaces, among)},
            {id: frozenset(found) for id, found in runs.items()},
            frozenset(held),
            {id: {name: number for name, number in found.items() if number is not None} for id, found in runs.items()},
        )


def _some(of: Mapping[str, Found], among: Collection[str] | None) -> Iterator[tuple[str, Found]]:
    if among is None:
        yield from of.items()
    else:
        yield from ((id, of[id]) for id in among if id in of)


def _fresh(before: ProjectView | None, now: ProjectView) -> list[Execution]:
    """Records that are new, or other ones than before."""
    known = {record.execution: record for record in before.executions} if before else {}
    return [record for record in now.executions if known.get(record.execution) is not record]


def _has_workspace(folder: Path) -> bool:
    """To the end: one that was cut off while it was dropped is to be dropped again."""
    note = durable.read(folder / NOTE) if (folder / NOTE).is_file() else None
    return note is not None and not ("dropped" in note and "was" not in note)
