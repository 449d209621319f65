"""From a stage to a job: the options of `sbatch`, and the script that it keeps. Pure."""

import math
import shlex
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from runner.contract.errors import EngineRefused
from runner.contract.labels import Owner
from runner.contract.spec import Spec
from runner.slurm.partition import ANY_MODEL

MIB = 1024 * 1024
SPARE = 120.0
"""Seconds beyond a stage's timeout and grace until Slurm ends its job too: for a node that is away at that moment."""


UNABLE = ("shm_size", "pids")
"""Limits that no job can be given."""


@dataclass(frozen=True, slots=True)
class SlurmOptions:
    """Where on a cluster the jobs of a node go, and on whose account."""

    partition: str
    account: str = ""
    qos: str = ""
    constraint: str = ""


def comment(owner: Owner) -> str:
    """By this a node knows its jobs among those of the same user."""
    return f"winslow {owner.repository} {owner.node} {owner.incarnation}"


def arguments(spec: Spec, owner: Owner, where: SlurmOptions, longest: float | None = None) -> list[str]:
    """Held, so that it begins when it is told to; never begun again by Slurm; never beside another of its name."""
    unable = [name for name in UNABLE if getattr(spec.limits, name) is not None]
    if unable:
        raise EngineRefused(f"a Slurm job cannot be given {' or '.join(unable)}: leave it out of the stage's resources")
    return [
        "--hold",
        "--no-requeue",
        "--dependency=singleton",
        f"--job-name={spec.id}",
        f"--comment={comment(owner)}",
        f"--partition={where.partition}",
        *(f"--{name}={value}" for name in ("account", "qos", "constraint") if (value := getattr(where, name))),
        "--nodes=1",
        "--ntasks=1",
        *_resources(spec),
        *_time(spec, longest),
        f"--output={_literal(spec.directory.absolute() / 'shim.err')}",
        "--open-mode=append",
        "--input=/dev/null",
        "--chdir=/",
    ]


def _resources(spec: Spec) -> list[str]:
    cpus = max(1, math.ceil(spec.limits.cpus or 1))
    memory = [f"--mem={math.ceil(spec.limits.memory / MIB)}M"] if spec.limits.memory else []
    return [f"--cpus-per-task={cpus}", *memory, *_gpus(spec.gpus)]


def _gpus(given: Sequence[str]) -> list[str]:
    """How many of each model: `slurm-a100-3` is one of the a100."""
    counted = Counter(gpu.removeprefix("slurm-").rpartition("-")[0] for gpu in given)
    wanted = (f"gpu:{count}" if model == ANY_MODEL else f"gpu:{model}:{count}" for model, count in counted.items())
    return [f"--gres={','.join(wanted)}"] if given else []


def _time(spec: Spec, longest: float | None) -> list[str]:
    if spec.timeout is None:
        return []
    wanted = spec.timeout + spec.grace + SPARE
    return [f"--time={math.ceil(min(wanted, longest or wanted) / 60)}"]


def _literal(path: Path) -> str:
    """Slurm fills in what follows a percent sign."""
    return str(path).replace("%", "%%")


def script(pythons: Sequence[str], program: Path, directory: Path) -> str:
    """The job's program takes the place of the shell, so that a signal to the job reaches it."""
    tried = " ".join(shlex.quote(python) for python in pythons)
    run = f"-I -S {shlex.quote(str(program))} {shlex.quote(str(directory))}"
    return (
        "#!/bin/sh\n"
        f"for python in {tried}; do\n"
        f'  if command -v "$python" >/dev/null 2>&1; then exec "$python" {run}; fi\n'
        "done\n"
        f'echo "there is none of {tried} on $(hostname)" >&2\nexit 127\n'
    )
