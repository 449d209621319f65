"""Fetching an image: with this machine's logins as they are now, and with the engine's own words where it fails."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from docker import auth
from docker.errors import APIError, DockerException

from runner.contract import images
from runner.contract.errors import EngineFailed, ImageUnavailable

_DIGEST = re.compile(r"Digest: (sha256:[0-9a-f]{64})")
_LOGIN = re.compile(r"denied|unauthorized|authentication|no basic auth|forbidden", re.IGNORECASE)
_NAME = re.compile(
    r"not found|manifest unknown|does not exist|name unknown|no matching manifest|invalid reference|unsupported",
    re.IGNORECASE,
)
FULL = "no space left"
_SET_UP = re.compile(r"x509|certificate|server gave HTTP response to HTTPS client", re.IGNORECASE)
"""What does not pass before somebody has changed the engine's or the registry's settings."""


def fetched(client: Any, image: str) -> str:
    """The reference by which the engine now has it. ImageUnavailable, EngineFailed."""
    repository, tag = images.source(image)
    login, trouble = _login(repository)
    try:
        digest = _followed(client.api.pull(repository, tag=tag, stream=True, decode=True, auth_config=login))
    except APIError as error:
        raise _failed(image, str(error.explanation or error), trouble) from None
    except _Stopped as error:
        raise _failed(image, str(error), trouble) from None
    return f"{repository}@{digest}" if digest else images.pinned(image)


class _Stopped(Exception):
    """The engine said in the middle of the stream that it cannot go on."""


def _followed(lines: Iterable[Mapping[str, Any]]) -> str:
    """The digest that the registry gave, if it is told."""
    digest = ""
    for line in lines:
        if "error" in line or "errorDetail" in line:
            raise _Stopped(str((line.get("errorDetail") or {}).get("message") or line.get("error") or "no reason told"))
        if found := _DIGEST.match(str(line.get("status", ""))):
            digest = found[1]
    return digest


def _login(repository: str) -> tuple[dict[str, Any], str]:
    """As `docker login` left it, read anew each time. Without what is needed to read it, as nobody: an open registry
    wants nothing."""
    try:
        registry, _ = auth.resolve_repository_name(repository)
        return dict(auth.load_config().resolve_authconfig(registry) or {}), ""
    except (DockerException, ValueError, OSError) as error:
        return {}, f"; its login could not be read, so it was asked for without one: {error}"


def _failed(image: str, words: str, trouble: str) -> EngineFailed | ImageUnavailable:
    """What no registry has said no to is the network's, the registry's or the disk's, and is tried again."""
    text = f"image {image!r} cannot be pulled: {words.strip()}{trouble}"
    if FULL in words:
        return EngineFailed(f"{text}; make room where the engine keeps its images")
    if _LOGIN.search(words):
        return ImageUnavailable(f"{text}; check its name, and this node's `docker login`")
    if _NAME.search(words):
        return ImageUnavailable(f"{text}; check its name")
    if _SET_UP.search(words):
        return ImageUnavailable(f"{text}; let the engine trust it: its certificate, or `insecure-registries`")
    return EngineFailed(f"{text}; its registry may be away, or the way to it")
