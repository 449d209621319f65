"""What a partition of a cluster has, as `sinfo` tells it, and what it can hold a stage to. Pure."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from runner.slurm.jobs import seconds
from schema.node import NodeGpu

MIB = 1024 * 1024
ANY_MODEL = "gpu"
_GPUS = re.compile(r"gpu(?::([^:,()]+))?:(\d+)(?:\([^)]*\))?")
_GONE = ("down", "fail", "inval")


@dataclass(frozen=True, slots=True)
class SlurmPartition:
    """Of all its machines together. `longest` is its limit of time in seconds; `models` counts GPUs by Slurm's type."""

    machines: int = 0
    cpus: int = 0
    memory: int = 0
    longest: float | None = None
    models: Mapping[str, int] = field(default_factory=dict)

    def gpus(self) -> tuple[NodeGpu, ...]:
        """One for each that Slurm counts. Which of them a job gets, Slurm chooses: only their number is ours."""
        return tuple(
            NodeGpu(uuid=f"slurm-{model}-{place}", model="" if model == ANY_MODEL else model)
            for model, count in sorted(self.models.items())
            for place in range(count)
        )


def parse(text: str) -> SlurmPartition:
    """Without machines that are down, unless all are: then they are what there will be."""
    rows = [row for line in text.splitlines() if len(row := line.split("|")) == 6 and row[1].isdigit()]
    up = [row for row in rows if not row[4].startswith(_GONE)] or rows
    models: dict[str, int] = {}
    for row in up:
        for model, count in _models(row[3]):
            models[model] = models.get(model, 0) + count
    return SlurmPartition(
        machines=len(up),
        cpus=sum(int(row[1]) for row in up),
        memory=_memory([int(row[2]) for row in up if row[2].isdigit()]),
        longest=min((limit for row in up if (limit := seconds(row[5]))), default=None),
        models=models,
    )


def _models(resources: str) -> Iterator[tuple[str, int]]:
    for model, count in _GPUS.findall(resources):
        yield model or ANY_MODEL, int(count)


def _memory(each: list[int]) -> int:
    """Bytes. A cluster that does not count memory says 1 MiB of each machine; then it is not known."""
    return sum(each) * MIB if each and max(each) > 1 else 0


def holds_to_limits(configuration: str) -> bool:
    """Whether the cluster ends a job that takes more memory than it asked for, and keeps it on its cores."""
    return any(
        "task/cgroup" in value
        for name, _, value in (line.partition("=") for line in configuration.splitlines())
        if name.strip() == "TaskPlugin"
    )
