"""What lies in a simulated node's data directory: names and numbers, and for which generation of a project they are."""

from collections.abc import Callable
from dataclasses import dataclass, field

from controller.dirs.contract import Gathered, NoTrees, Ready, Tell, quiet
from flow.node.node_world import LaunchOrder
from tests.simulation.invariants import Checker
from tests.simulation.turns import given


@dataclass
class Data:
    """Of one machine, over crashes. A file is (name, generation it was put in for)."""

    files: dict[str, set[tuple[str, int]]] = field(default_factory=dict)
    aside: dict[tuple[str, int], set[tuple[str, int]]] = field(default_factory=dict)
    workspaces: set[tuple[str, int]] = field(default_factory=set)

    def put(self, project: str, name: str, generation: int) -> None:
        self.files.setdefault(project, set()).add((name, generation))

    def left(self, project: str) -> tuple[set[int], set[int]]:
        """The generations of the files that are here, and the numbers of executions."""
        found = {generation for _, generation in self.files.get(project, ())}
        found |= {g for (id, _), files in self.aside.items() if id == project for _, g in files}
        return found, {number for id, number in self.workspaces if id == project}

    def projects(self) -> set[str]:
        return {*self.files, *(id for id, _ in self.aside), *(id for id, _ in self.workspaces)}


class SimulatedTrees(NoTrees):
    """As `Folders` does it, telling the checker what is seen and what is deleted."""

    def __init__(self, node: str, data: Data, checker: Checker, dies: Callable[[str], None]) -> None:
        self.node, self.data, self.checker, self.dies = node, data, checker, dies

    def prepare(self, container: str, order: LaunchOrder, tell: Tell = quiet) -> Ready:
        files = self.data.files.get(order.project, set())
        self.checker.shown(self.node, order.project, order.execution, files)
        self.data.workspaces.add((order.project, order.execution))
        return super().prepare(container, order, tell)

    def gather(self, container: str, order: LaunchOrder) -> Gathered:
        return Gathered(given(order.project, order.execution))

    def wipe(self, project: str, last_execution: int, *, files: bool) -> None:
        numbers = {(id, n) for id, n in self.data.workspaces if id == project and n <= last_execution}
        self.checker.deleting(self.node, project, {n for _, n in numbers}, set())
        self.data.workspaces -= numbers
        self.dies("wiping")
        for key in [key for key in self.data.aside if key[0] == project]:
            self.checker.deleting(self.node, project, set(), self.data.aside.pop(key))
        if files:
            self.checker.deleting(self.node, project, set(), self.data.files.get(project, set()))
            self.data.files.pop(project, None)
        self.dies("wiped")

    def part(self, project: str, generation: int) -> None:
        if project in self.data.files and (project, generation) not in self.data.aside:
            self.data.aside[project, generation] = self.data.files.pop(project)
        self.dies("parted")
