"""Programs beside a stage: a database, a broker. They live as long as it, on a network of their own.

A service is a container with the least rights that a stage has. It gets no files, secrets, GPUs or other networks.
"""

import re
from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationInfo, WithJsonSchema

from schema.base import Recorded, Wanted, is_kept
from schema.names import EnvironmentName, Image
from schema.quantities import Limit, Size

EnvValue = str | int | float | bool
MOST = 8
LONGEST_WAIT = 3600.0
HOST = r"^[a-z](?:[a-z0-9-]{0,28}[a-z0-9])?$"
RESERVED = frozenset({"localhost"})
GIB = 2**30


def _not_empty(command: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
    if not command and not is_kept(info):
        raise ValueError("an empty list is no command; leave it out to run the image's own")
    return command


Command = Annotated[
    tuple[str, ...],
    AfterValidator(_not_empty),
    WithJsonSchema({"type": "array", "items": {"type": "string"}, "minItems": 1}, mode="validation"),
]
"""Arguments, without a shell."""


def _own_name(name: str) -> str:
    if not re.fullmatch(HOST, name):
        raise ValueError(f"the name of a host is wanted (a-z, 0-9 and -, 30 at most), not {name[:60]!r}")
    if name in RESERVED:
        raise ValueError(f"{name!r} means something else already; give the service another name")
    return name


ServiceName = Annotated[
    str, AfterValidator(_own_name), WithJsonSchema({"type": "string", "pattern": HOST}, mode="validation")
]
"""The host that the stage finds it under, so it is a label of DNS."""


def _patient(seconds: float) -> float:
    if seconds > LONGEST_WAIT:
        raise ValueError("a service is waited for an hour at most")
    return seconds


class ServiceReady(Wanted):
    """When a service is ready: as soon as it listens there, for others than itself."""

    tcp: int = Field(ge=1, le=65535)


class ServiceResources(Wanted):
    """Limits of one service, counted with its stage's. What it does not name is a core, and a GiB."""

    cpus: float = Field(default=1.0, gt=0, le=4096)
    memory: Size = GIB
    shm_size: Size | None = None
    pids: int | None = Field(default=None, gt=0)

    @property
    def limits(self) -> frozenset[str]:
        """What it names, and so must not go without."""
        return frozenset(name for name in self.model_fields_set if getattr(self, name) is not None)


class ServicesShare(Recorded):
    """What the services of a stage take of their node, all together."""

    cpus: float = 0.0
    memory: int = 0
    shm: int = 0


class Service(Wanted):
    """A program that runs beside a stage."""

    name: ServiceName
    image: Image
    command: Command = ()
    env: dict[EnvironmentName, EnvValue] = {}
    ready: ServiceReady | None = None
    timeout: Annotated[Limit, AfterValidator(_patient)] = 60.0
    resources: ServiceResources = ServiceResources()
    pull: Literal["missing", "always", "never"] = "missing"


def share_of(services: Iterable[Service]) -> ServicesShare | None:
    """None where there are none."""
    limits = [each.resources for each in services]
    if not limits:
        return None
    return ServicesShare(
        cpus=sum(each.cpus for each in limits),
        memory=sum(each.memory for each in limits),
        shm=sum(each.shm_size or 0 for each in limits),
    )


def with_services(
    cpus: float | None, memory: int | None, share: ServicesShare | None
) -> tuple[float | None, int | None]:
    """What a stage named of cores and memory, with what its services take. One that named no cores counts one."""
    if share is None:
        return cpus, memory
    return (1.0 if cpus is None else cpus) + share.cpus, (memory or 0) + share.memory
