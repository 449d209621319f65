"""From the services that a stage asks for to those that its runner starts: each by what its image means now."""

from collections.abc import Iterable, Sequence

from runner.contract.runner import Runner
from runner.contract.spec import Limits, ServiceSpec
from schema.execution import ImageRecord, ServiceRecord
from schema.services import Service


def resolved_services(runner: Runner, services: Iterable[Service]) -> tuple[ServiceRecord, ...]:
    """As they are recorded. ImageUnavailable, EngineUnavailable."""
    return tuple(_resolved(runner, each) for each in services)


def _resolved(runner: Runner, service: Service) -> ServiceRecord:
    found = runner.resolve(service.image, service.pull)
    image = ImageRecord(ref=service.image, digest=found.digest, id=None if found.digest else found.id)
    env = {name: str(value) for name, value in service.env.items()}
    return ServiceRecord(name=service.name, image=image, command=service.command, env=env)


def service_specs(
    services: Iterable[Service], known: Sequence[ServiceRecord], pids: int | None = None
) -> tuple[ServiceSpec, ...]:
    """`pids` are the most of one that names none."""
    images = {each.name: each.image for each in known}
    return tuple(_spec(each, images[each.name], pids) for each in services)


def _spec(service: Service, image: ImageRecord, pids: int | None) -> ServiceSpec:
    limits = service.resources
    return ServiceSpec(
        name=service.name,
        image=f"{image.ref.partition('@')[0]}@{image.digest}" if image.digest else image.ref,
        image_id=image.id or "",
        command=service.command,
        environment={name: str(value) for name, value in service.env.items()},
        port=service.ready.tcp if service.ready else 0,
        timeout=service.timeout,
        limits=Limits(limits.memory, limits.cpus, limits.shm_size, limits.pids or pids),
    )
