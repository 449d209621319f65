"""The machine that a node runs on: what runs its stages, what it has, whether there is room."""

import shutil
from collections.abc import Callable
from pathlib import Path

import psutil

from controller.options import CannotStart, NodeOptions
from runner import extras
from runner.errors import RunnerError
from runner.labels import Owner
from runner.peers import Key
from runner.runner import Runner
from schema.node import SCHEMA, Inventory

LEAST_FREE = 64 * 1024 * 1024
"""Bytes of free disk below which a node takes no new work."""


def choose_runner(
    options: NodeOptions, owner: Owner, wake: Callable[[], None], say: Callable[[str], None], *, gpus: bool = False
) -> Runner:
    """Docker where an engine answers, else processes; `docker` and `process` insist."""
    if options.runner in ("auto", "docker"):
        try:
            return _docker(options, owner, wake)
        except (RunnerError, ImportError) as error:
            why = extras.lacking(extras.DOCKER) or str(error)
            if options.runner == "docker":
                raise CannotStart(why) from None
            say(f"no Docker Engine ({why.splitlines()[0]}); stages run as processes")
    return _processes(options, owner, wake, gpus)


def _docker(options: NodeOptions, owner: Owner, wake: Callable[[], None]) -> Runner:
    from runner.docker import DockerRunner

    return DockerRunner(owner, options.data / "runs", on_change=wake)


def _processes(options: NodeOptions, owner: Owner, wake: Callable[[], None], gpus: bool) -> Runner:
    from runner.process import ProcessRunner, read_images

    images = read_images(options.images) if options.images else {}
    return ProcessRunner(owner, options.data / "runs", images=images, gpus=gpus, on_change=wake)


def take_inventory(options: NodeOptions, incarnation: str, runner: Runner, key: Key | None = None) -> Inventory:
    """What this machine has. Default slots: one for every two cores."""
    can = runner.capabilities
    cpus = psutil.cpu_count() or 1
    usual = cpus if options.slots == "auto" else max(1, cpus // 2)
    return Inventory(
        node=options.name,
        incarnation=incarnation,
        winslow=_version(),
        runner=can.name,
        limits=can.limits,
        isolation=can.isolation,
        cpus=cpus,
        memory=psutil.virtual_memory().total,
        labels=options.labels,
        slots=options.slots if isinstance(options.slots, int) else usual,
        auto=options.slots == "auto",
        disk=shutil.disk_usage(options.data).total if options.data.exists() else 0,
        heartbeat=options.heartbeat,
        address=options.peer,
        key=key.public if key else "",
        schema=SCHEMA,
    )


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("winslow-controller")
    except PackageNotFoundError:
        return "unknown"


def enough_disk(data: Path) -> bool:
    return shutil.disk_usage(data).free > LEAST_FREE
