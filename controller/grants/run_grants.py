"""The secrets of one run: written where its container finds them, and hidden in what is told of it."""

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from controller.grants.granting import GivenSecret, Granting
from flow.node.node_world import ExecutionEnd, LaunchOrder
from runner.contract.spec import LEAST, ContainerRights, Limits, Mount
from runner.secrets.masking import Masker, of_run
from schema.execution import Result
from schema.policy import ALL_IMAGES, Caps

INSIDE = "/run/secrets"
NO_CAPS = Caps()
LEAST_OF = {"memory": 6 * 2**20, "cpus": 0.01, "shm_size": 4096, "pids": 1}
"""The smallest limits that engines keep: for them 0 is no limit."""


@dataclass(frozen=True, slots=True)
class GivenRights:
    rights: ContainerRights = LEAST
    mounts: tuple[Mount, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    network: str = "none"  # of the programs of an image that is built
    bases: tuple[str, ...] = ALL_IMAGES  # of an image that is built
    limits: Limits = field(default_factory=Limits)
    service_pids: int | None = None  # of a service that names none


class RunRights(Protocol):
    """What a launch asks."""

    def check(self, order: LaunchOrder) -> None: ...

    def give(self, container: str, order: LaunchOrder) -> GivenRights: ...

    def conceal(self, ended: ExecutionEnd) -> ExecutionEnd: ...


class LeastRights:
    """Nobody grants anything, and nothing is secret: for simulations."""

    def check(self, order: LaunchOrder) -> None:
        return None

    def give(self, container: str, order: LaunchOrder) -> GivenRights:
        return GivenRights(limits=limits(order))

    def conceal(self, ended: ExecutionEnd) -> ExecutionEnd:
        return ended


def write(directory: Path, secrets: Sequence[GivenSecret], user: tuple[int, int] | None) -> tuple[Mount, ...]:
    """As files that the stage's user can read, and nobody else."""
    if not secrets:
        return ()
    folder = directory / "secrets"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700, parents=True)
    for each in secrets:
        path = folder / each.name
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400), "wb") as file:
            file.write(each.value)
        _own(path, user)
    folder.chmod(0o500)
    _own(folder, user)
    return (Mount(folder, INSIDE),)


class RunGrants:
    """What each run is given, and what is hidden of it. `user` is whose processes stages usually are."""

    def __init__(self, granting: Granting, run: Callable[[str], Path], user: tuple[int, int] | None) -> None:
        self.granting, self.run, self.user = granting, run, user

    def check(self, order: LaunchOrder) -> None:
        """NotGranted."""
        self.granting(order)

    def give(self, container: str, order: LaunchOrder) -> GivenRights:
        """NotGranted; OSError."""
        granted, secrets = self.granting(order), self.granting.secrets_of(order)
        named = granted.rights.user
        user = (int(named.partition(":")[0]), int(named.partition(":")[2])) if named else self.user
        mounts = write(self.run(container), secrets, user)
        policy = self.granting.policy()
        mounts = (*granted.mounts, *mounts)
        caps = policy.limits if self.granting.isolated else NO_CAPS
        most, pids = limits(order, caps), service_pids(order, caps)
        return GivenRights(granted.rights, mounts, variables(secrets), policy.build.network, policy.images, most, pids)

    def conceal(self, ended: ExecutionEnd) -> ExecutionEnd:
        return concealed(self.run(ended.container), ended)


def _own(path: Path, user: tuple[int, int] | None) -> None:
    if user and os.geteuid() == 0:
        os.chown(path, *user)


def limits(order: LaunchOrder, most: Caps = NO_CAPS) -> Limits:
    """What the stage asks for, and of what it does not speak of, the most that a stage may ask for, less what its
    services have of that."""
    given = {name: getattr(order, name) for name in LEAST_OF}
    return Limits(**{name: _left(order, most, name) if each is None else each for name, each in given.items()})


def service_pids(order: LaunchOrder, most: Caps) -> int | None:
    """Of each service that names none: as many as each other one, and its stage, that name none either."""
    found: int | None = _left(order, most, "pids")
    return found


def _left(order: LaunchOrder, most: Caps, name: str) -> Any:
    """None where there is no most. Never so little that an engine would take it for no limit."""
    cap, named = getattr(most, name), [getattr(each.resources, name) for each in order.services]
    if cap is None:
        return None
    left = cap - sum(each for each in named if each is not None) - (getattr(order, name) or 0)
    if name == "pids":
        left //= max(named.count(None) + (order.pids is None), 1)
    return max(left, LEAST_OF[name])


def variables(secrets: Sequence[GivenSecret]) -> Mapping[str, str]:
    return {each.env: each.value.decode(errors="surrogateescape") for each in secrets if each.env}


def concealed(directory: Path, ended: ExecutionEnd) -> ExecutionEnd:
    """What is told of an end, without the secrets that its run was given."""
    masker = of_run(directory)
    if not masker:
        return ended
    plain = masker.plain(ended.model_dump(mode="json", by_alias=True))
    if ended.result:
        plain["result"] |= _of_program(masker, ended.result)
    return ExecutionEnd.model_validate(plain)


def _of_program(masker: Masker, result: Result) -> dict[str, object]:
    """The numbers that the program gave. One in a metric that gives a secret away is left out."""
    values, metrics = (masker.plain(each, numbers=True) for each in (result.values, result.metrics))
    return {"values": values, "metrics": {name: each for name, each in metrics.items() if not isinstance(each, str)}}
