"""From the services that a stage asks for to those that its runner starts: each by what its image means now."""

from collections.abc import Sequence

from controller.launch.resolving import pinned, resolved
from flow.node.node_world import BuiltService, LaunchOrder
from runner.contract.runner import Runner
from runner.contract.spec import Limits, ServiceSpec
from schema.execution import ImageRecord, ServiceRecord
from schema.services import Service


def resolved_services(runner: Runner, order: LaunchOrder) -> tuple[ServiceRecord, ...]:
    """As they are recorded. ImageUnavailable, EngineUnavailable."""
    return tuple(_resolved(runner, each, order.built_services.get(each.name)) for each in order.services)


def _resolved(runner: Runner, service: Service, made: BuiltService | None) -> ServiceRecord:
    build = made.build if made else None
    found = resolved(runner, service.image, service.pull, built=made.run if made else "", build=build)
    id = None if found.digest else found.id
    image = ImageRecord(ref=service.image, digest=found.digest, id=id, build=build)
    env = {name: str(value) for name, value in service.env.items()}
    return ServiceRecord(name=service.name, image=image, command=service.command, env=env)


def service_specs(
    order: LaunchOrder, known: Sequence[ServiceRecord], pids: int | None = None
) -> tuple[ServiceSpec, ...]:
    """`pids` are the most of one that names none."""
    images = {each.name: each.image for each in known}
    runs = {name: made.run for name, made in order.built_services.items()}
    return tuple(_spec(each, runs.get(each.name, each.image), images[each.name], pids) for each in order.services)


def _spec(service: Service, runs: str, image: ImageRecord, pids: int | None) -> ServiceSpec:
    """`runs` is the name under which the engine has the image."""
    limits = service.resources
    return ServiceSpec(
        name=service.name,
        image=pinned(runs, image.digest),
        image_id=image.id or "",
        command=service.command,
        environment={name: str(value) for name, value in service.env.items()},
        port=service.ready.tcp if service.ready else 0,
        timeout=service.timeout,
        limits=Limits(limits.memory, limits.cpus, limits.shm_size, limits.pids or pids),
    )
