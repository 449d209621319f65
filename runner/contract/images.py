"""References of images, and what they were resolved to: a registry's digest, or the id that only this node knows."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runner.contract.errors import ImageUnavailable
from runner.contract.spec import Image

INSIDE = "/workspace/"


def pinned(image: str) -> str:
    """`repo:tag@sha256:…` as `repo@sha256:…`: engines disagree about references with both."""
    _, separator, digest = image.partition("@")
    return f"{repository(image)}@{digest}" if separator else image


def repository(image: str) -> str:
    """Without tag and digest; a port of the registry is no tag."""
    name = image.partition("@")[0]
    head, separator, last = name.rpartition("/")
    return f"{head}{separator}{last.partition(':')[0]}"


def tag(image: str) -> str:
    return image.partition("@")[0].rpartition("/")[2].partition(":")[2] or "latest"


def source(image: str) -> tuple[str, str]:
    """What to pull: a repository, and its tag or digest."""
    digest = image.partition("@")[2]
    return repository(image), digest or tag(image)


def resolved(ref: str, found: Mapping[str, Any]) -> Image:
    """By the digest that a registry gave it under this very name, else by its id. `found` is what the engine says."""
    known = {name: digest for name, _, digest in (entry.partition("@") for entry in found.get("RepoDigests") or ())}
    name = repository(ref)
    short = name.removeprefix("docker.io/").removeprefix("library/")
    return Image(ref, digest=known.get(short) or known.get(name), id=found.get("Id"))


def runnable(ref: str, found: Mapping[str, Any], machine: str) -> Mapping[str, Any]:
    """The image, if it is for this processor, or the machine can run the other's programs. ImageUnavailable."""
    for volume in (found.get("Config") or {}).get("Volumes") or ():
        if volume.startswith(INSIDE):
            raise ImageUnavailable(
                f"image {ref!r} says VOLUME {volume}, so what a stage writes there would be lost: build it without"
            )
    wanted = str(found.get("Architecture") or "")
    if not wanted or not machine or wanted == machine or _emulated(wanted):
        return found
    raise ImageUnavailable(f"image {ref!r} is for {wanted}, and this machine is {machine}: build it for {machine} too")


def _emulated(machine: str) -> bool:
    name = {"arm64": "aarch64", "amd64": "x86_64", "386": "i386"}.get(machine, machine)
    return Path(f"/proc/sys/fs/binfmt_misc/qemu-{name}").exists()
