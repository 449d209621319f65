"""The machine that a node runs on: what runs its stages, what it has, whether there is room."""

import shutil
from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from controller.node.options import CannotStart, NodeOptions
from peer.client.signed import Key
from runner import durable, extras
from runner.contract.errors import RunnerError
from runner.contract.labels import Owner
from runner.contract.runner import Runner
from runner.gpus import FixedGpus, Gpus, NoGpus, Nvml, sees_processes
from schema.node import SCHEMA, Inventory

if TYPE_CHECKING:
    from runner.slurm.partition import SlurmPartition
    from runner.slurm.slurm_runner import SlurmRunner

MOST_SLOTS = 1024
"""Stages at once that are not asked for by number: what settings can say at most."""
LEAST_FREE = 64 * 1024 * 1024
"""Bytes of free disk below which a node takes no new work."""


def choose_runner(
    options: NodeOptions,
    owner: Owner,
    wake: Callable[[], None],
    say: Callable[[str], None],
    *,
    gpus: bool = False,
    claims: Collection[str] = (),
) -> Runner:
    """What runs the stages here, kept from the first start on; `claims` are the containers in the journal.

    At the first start `auto` is Docker where an engine answers, else processes. Later a node with Docker waits for its
    engine: what it is never follows from whether the engine is up yet.
    """
    found: Runner
    kept = KeptRunner(options.data)
    before = kept.kind(claims)
    kind = options.runner if options.runner != "auto" else before
    if before and kind != before and claims:
        raise CannotStart(
            f"{len(claims)} of this node's executions run with --runner {before}, and --runner {kind} cannot see them: "
            f"start it with --runner {before} until they have ended, or delete {kept.path} to give them up"
        )
    if options.slurm and kind != "slurm":
        raise CannotStart("--partition is for a node that stands for one: start it with --runner slurm")
    if kind == "process":
        found = _processes(options, owner, wake, gpus)
    elif kind == "slurm":
        found = _slurm(options, owner, wake)
    else:
        found = _docker_or_processes(options, owner, wake, say, gpus, before)
    can = found.capabilities
    kept.keep(can.name)
    if can.discards and can.here:
        say(
            f"the engine cannot limit {', '.join(can.discards)} (its kernel or cgroups): such stages are not taken here"
        )
    return found


def _docker_or_processes(
    options: NodeOptions, owner: Owner, wake: Callable[[], None], say: Callable[[str], None], gpus: bool, before: str
) -> Runner:
    try:
        return _docker(options, owner, wake, known=before == "docker")
    except (RunnerError, ImportError) as error:
        why = extras.lacking(extras.DOCKER) or str(error)
        if before == "docker" or options.runner == "docker":
            raise CannotStart(why) from None
        say(
            f"no Docker Engine ({why.splitlines()[0]}); stages run as processes, also at later starts: "
            f"--runner docker changes that"
        )
        return _processes(options, owner, wake, gpus)


def _docker(options: NodeOptions, owner: Owner, wake: Callable[[], None], *, known: bool) -> Runner:
    """With an engine that answers; where the node has had one already, it may come later."""
    from runner.building.building_runner import BuildingRunner
    from runner.docker.docker_runner import DockerRunner

    return BuildingRunner(DockerRunner(owner, options.data / "runs", on_change=wake, later=known))


class KeptRunner:
    """`DATA/node/runner`: what runs this node's stages."""

    def __init__(self, data: Path) -> None:
        self.data, self.path = data, data / "node" / "runner"

    def kind(self, claims: Collection[str]) -> str:
        """Nothing at the first start. Of an older version's node it shows in the folders of what it runs."""
        try:
            return self.path.read_text().strip()
        except FileNotFoundError:
            folders = [self.data / "runs" / container for container in claims]
        if any((folder / "log.position").exists() for folder in folders):
            return "docker"
        return "process" if any((folder / "order.json").exists() for folder in folders) else ""

    def keep(self, kind: str) -> None:
        if kind != self.kind(()):
            durable.put(self.path, kind.encode())


def _processes(options: NodeOptions, owner: Owner, wake: Callable[[], None], gpus: bool) -> Runner:
    from runner.process.process_runner import ProcessRunner, read_images

    images = read_images(options.images) if options.images else {}
    return ProcessRunner(owner, options.data / "runs", images=images, gpus=gpus, on_change=wake)


def _slurm(options: NodeOptions, owner: Owner, wake: Callable[[], None]) -> "SlurmRunner":
    from runner.process.process_runner import read_images
    from runner.slurm.slurm_runner import SlurmRunner

    if options.slurm is None:
        raise CannotStart("this node's stages are Slurm jobs: name the partition that it stands for with --partition")
    images = read_images(options.images) if options.images else {}
    return SlurmRunner(owner, options.data / "runs", options.slurm, images=images, on_change=wake)


def gpus_of_runner(runner: Runner, found: Gpus) -> Gpus:
    """Those that its stages may have: of this machine, or of the cluster that they run on."""
    if not runner.capabilities.gpus:
        return NoGpus()
    if isinstance(found, Nvml):
        found.watches = runner.capabilities.processes and sees_processes()
    return found if runner.capabilities.here else FixedGpus(_partition(runner).gpus())


def _partition(runner: Runner) -> "SlurmPartition":
    from runner.slurm.partition import SlurmPartition
    from runner.slurm.slurm_runner import SlurmRunner

    return runner.has if isinstance(runner, SlurmRunner) else SlurmPartition()


def take_inventory(options: NodeOptions, incarnation: str, runner: Runner, key: Key | None = None) -> Inventory:
    """What this machine has, or the partition that it stands for.

    Default slots: one for every two cores; of a partition one for each.
    """
    can = runner.capabilities
    cpus, memory = psutil.cpu_count() or 1, psutil.virtual_memory().total
    if not can.here:
        cpus, memory = max(1, _partition(runner).cpus), _partition(runner).memory
    usual = cpus if options.slots == "auto" or not can.here else max(1, cpus // 2)
    return Inventory(
        node=options.name,
        incarnation=incarnation,
        winslow=_version(),
        runner=can.name,
        limits=can.limits,
        discards=can.discards,
        isolation=can.isolation,
        cpus=cpus,
        memory=memory,
        labels=options.labels,
        slots=options.slots if isinstance(options.slots, int) else min(usual, MOST_SLOTS),
        auto=options.slots == "auto",
        disk=shutil.disk_usage(options.data).total if options.data.exists() else 0,
        exclusive=can.watchdog,
        services=can.services,
        heartbeat=options.heartbeat,
        address=options.peer,
        key=key.public if key else "",
        schema=SCHEMA,
        build=options.build and can.name == "docker",
    )


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("winslow-controller")
    except PackageNotFoundError:
        return "unknown"


def enough_disk(data: Path) -> bool:
    return shutil.disk_usage(data).free > LEAST_FREE
