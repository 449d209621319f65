"""Whose container it is: a controller touches only those with its own repository, node and incarnation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

PREFIX = "winslow"


@dataclass(frozen=True, slots=True)
class Owner:
    """The identity that every container of one node's installation carries."""

    repository: str
    node: str
    incarnation: str

    def labels(self) -> dict[str, str]:
        return {
            f"{PREFIX}.repository": self.repository,
            f"{PREFIX}.node": self.node,
            f"{PREFIX}.incarnation": self.incarnation,
        }

    def owns(self, labels: Mapping[str, str]) -> bool:
        return all(labels.get(key) == value for key, value in self.labels().items())


def for_claim(
    owner: Owner,
    *,
    claim: str,
    project: str,
    execution: int,
    stage: str,
    gpus: Sequence[str] = (),
    gpu_share: int | None = None,
) -> dict[str, str]:
    """All labels of one execution's container; only the owner, the claim and the GPUs decide anything."""
    return owner.labels() | {
        f"{PREFIX}.claim": claim,
        f"{PREFIX}.project": project,
        f"{PREFIX}.execution": str(execution),
        f"{PREFIX}.stage": stage,
        f"{PREFIX}.gpus": ",".join(gpus),  # also where it has none: an image may say otherwise
        f"{PREFIX}.gpu_share": str(gpu_share or ""),
    }


def for_service(owner: Owner, stage: Mapping[str, str], container: str, name: str) -> dict[str, str]:
    """Of a program beside the stage with these labels. It has no claim of its own, so that it passes for no stage,
    and what its image is labelled with changes nothing of that."""
    shown = (f"{PREFIX}.project", f"{PREFIX}.execution", f"{PREFIX}.stage")
    told = {key: stage[key] for key in shown if key in stage}
    own = {f"{PREFIX}.service": name, f"{PREFIX}.service.of": container}
    return {f"{PREFIX}.claim": "", f"{PREFIX}.gpus": ""} | owner.labels() | told | own


def of_nobody() -> dict[str, str]:
    """Of a container that is no node's, whatever the labels of its image say."""
    keys = ("repository", "node", "incarnation", "claim", "gpus", "service", "service.of")
    return {f"{PREFIX}.{key}": "" for key in keys}


def gpus_of(labels: Mapping[str, str]) -> tuple[str, ...]:
    """What the container was given, also when nobody remembers its claim."""
    return tuple(filter(None, labels.get(f"{PREFIX}.gpus", "").split(",")))


def gpu_share_of(labels: Mapping[str, str]) -> int | None:
    """Bytes that it may use of each of these; None where it has them for itself."""
    text = labels.get(f"{PREFIX}.gpu_share", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else None
