"""What of a stage's wishes a node does not grant. Pure: from the summary of its policy in its inventory."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from flow.model.snapshot import ProjectView
from schema import images
from schema.pipeline import Stage
from schema.policy import Grants, Most, Whom, takes_image
from schema.quantities import readable_size
from schema.rights import Ask, Rights
from schema.services import Service

WORDS = {
    "networks": "network", "volumes": "volume", "devices": "device", "users": "user", "secrets": "secret",
    "capabilities": "capability", "security_opt": "security option", "host": "the machine's namespace",
    "privileged": "`privileged`",
}  # fmt: skip
"""A part of a policy, as one thing of it is called."""
LIMITS = ("cpus", "memory", "shm_size", "pids", "gpus")


@dataclass(frozen=True, slots=True)
class Asker:
    """For whom a stage asks. `node` is the project's own node, if it names one."""

    project: str = ""
    pipeline: str = ""
    tags: tuple[str, ...] = ()
    node: str | None = None


def asker(view: ProjectView) -> Asker:
    kept = view.definition or view.pipeline
    tags, node = (view.project.tags, view.project.node) if view.project else ((), None)
    return Asker(view.id, kept.name if kept else "", tuple(tags), node)


def refusal(stage: Stage, grants: Grants, who: Asker) -> str:
    """The first thing that a node does not grant, with the line of its policy that would; else nothing."""
    if stage.image and who.project != images.PROJECT and not takes_image(grants.images, stage.image):
        return f"image {stage.image} is not granted (policy.images)"
    if beside := images_refusal((each.image for each in stage.services), grants.images):
        return beside
    wishes = with_services(vars(stage.resources), stage.services)
    return rights_refusal(stage.rights, grants, who) or beyond(wishes, vars(grants.most or Most()))


def images_refusal(services: Iterable[str], granted: tuple[str, ...]) -> str:
    """Of images of services, the first that is not granted."""
    refused = next((image for image in services if not takes_image(granted, image)), "")
    return f"image {refused} of a service is not granted (policy.images)" if refused else ""


def rights_refusal(rights: Rights, grants: Grants, who: Asker) -> str:
    for ask in rights.asks():
        whom = grants.of(ask.part).get(ask.name)
        line = f"policy.{ask.part}.{ask.name}" if ask.name else f"policy.{ask.part}"
        if whom is None:
            return f"{_called(ask)} is not granted (policy.{ask.part})"
        if not permits(whom, who):
            return f"{_called(ask)} is not granted to {who.project} of pipeline {who.pipeline} ({line})"
        if whom.missing and not (ask.part == "secrets" and ask.name in rights.encrypted):
            return f"{_called(ask)} has no value there (winslowctl secrets set {ask.name})"
    if rights.encrypted and not grants.decrypts:
        return f"secret {min(rights.encrypted)} is encrypted, and no key is there (winslowctl secrets key)"
    for volume in rights.volumes:
        if grants.volumes[volume.source].read_only and not volume.read_only:
            line = f"policy.volumes.{volume.source}.read_only"
            return f"volume {volume.source} is granted to be read only ({line}): ask with read_only: true"
    return ""


def permits(whom: Whom, who: Asker) -> bool:
    return (
        _among(whom.pipelines, (who.pipeline,))
        and _among(whom.projects, (who.project,))
        and _among(whom.tags, who.tags)
    )


def _among(patterns: tuple[str, ...], names: tuple[str, ...]) -> bool:
    return not patterns or any(fnmatchcase(name, pattern) for name in names for pattern in patterns)


def _called(ask: Ask) -> str:
    return f"{WORDS[ask.part]} {ask.name}".strip()


def beyond(asked: Mapping[str, float | None], most: Mapping[str, float | None]) -> str:
    """The first resource of which more is asked for than a policy lets one stage have; else nothing."""
    for name in LIMITS:
        limit, wish = most.get(name), asked.get(name)
        if limit is not None and wish is not None and wish > limit:
            size = readable_size(int(limit)) if name in ("memory", "shm_size") else f"{limit:g}"
            return f"more than {size} of {name} is not granted (policy.limits.{name})"
    return ""


def with_services(asked: Mapping[str, float | None], services: Iterable[Service]) -> dict[str, float | None]:
    """What a stage and its services ask for together; None where nobody names it."""
    found = {name: asked.get(name) for name in LIMITS}
    for each in services:
        for name, more in vars(each.resources).items():
            if more is not None:
                found[name] = (found.get(name) or 0) + more
    return found
