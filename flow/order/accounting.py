"""What ended executions took, added up by person, project, tag or node. Pure; in whole numbers, so that it adds up."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from flow.model.snapshot import ProjectView
from flow.order.accounts import UNTAGGED, person
from schema.spent import Spent

By = Literal["person", "project", "tag", "node"]


@dataclass(frozen=True, slots=True)
class UsageRow:
    """Times in milliseconds: of machines, of cores (thousandths), of GPUs. A project with two tags counts for both."""

    name: str
    executions: int = 0
    milliseconds: int = 0
    cores: int = 0
    gpus: int = 0

    def plus(self, took: Spent) -> "UsageRow":
        time = took.milliseconds
        return UsageRow(
            self.name,
            self.executions + 1,
            self.milliseconds + time,
            self.cores + took.cpus * time,
            self.gpus + took.gpus * time,
        )

    @property
    def hours(self) -> float:
        return self.milliseconds / 3.6e6

    @property
    def core_hours(self) -> float:
        return self.cores / 3.6e9

    @property
    def gpu_hours(self) -> float:
        return self.gpus / 3.6e6


def usage(views: Iterable[ProjectView], by: By, since: float = 0.0) -> list[UsageRow]:
    """Whoever had most of the GPUs first, then of the cores. `since`: only what ended in that hour or later."""
    rows: dict[str, UsageRow] = {}
    for view in views:
        for record in view.executions:
            took = record.spent if record.state.ended else None
            if took is None or took.hour < since // 3600:
                continue
            for name in _names(view, record.chain, took, by):
                rows[name] = rows.get(name, UsageRow(name)).plus(took)
    return sorted(rows.values(), key=lambda row: (-row.gpus, -row.cores, row.name))


def _names(view: ProjectView, chain: int, took: Spent, by: By) -> Iterator[str]:
    match by:
        case "person":
            yield person(view, chain)
        case "project":
            yield view.id
        case "node":
            yield took.node
        case "tag":
            yield from view.project.tags if view.project and view.project.tags else (UNTAGGED,)
