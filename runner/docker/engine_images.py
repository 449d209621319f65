"""Images that an engine has, fetches, or that are made here of this host's Python."""

import threading
from collections.abc import Callable
from typing import Any

from docker.errors import APIError, ImageNotFound, NotFound

from runner.contract import images
from runner.contract.errors import EngineUnavailable, ImageUnavailable
from runner.contract.spec import Image
from runner.docker.engine import said, talking
from runner.docker.host_image import build_base
from runner.docker.pulls import fetched


class EngineImages:
    """`client` raises EngineUnavailable until an engine has answered."""

    def __init__(self, client: Callable[[], Any]) -> None:
        self.client, self._building = client, threading.Lock()

    def resolve(self, image: str, pull: str) -> Image:
        with talking():
            found = None if pull == "always" else self._local(image)
            if found is None and pull == "never":
                raise ImageUnavailable(
                    f"there is no image {image!r} on this node, and `pull: never` forbids to fetch it"
                )
            if found is None:
                found = self._host(image) or self._local(fetched(self.client(), image)) or {}
            return images.resolved(image, images.runnable(image, found, self._machine()))

    def _machine(self) -> str:
        """The processor that the engine runs programs on, in Docker's word; nothing where it does not say."""
        return str(self.client().version().get("Arch") or "")

    def _host(self, image: str) -> dict[str, Any] | None:
        """`host/…` needs no registry anywhere: here it is an image made of this host's Python, at its first use."""
        if not image.startswith("host/"):
            return None
        with self._building:
            if self._local(image) is None:
                build_base(image)
        return self._local(image)

    def _local(self, image: str) -> dict[str, Any] | None:
        try:
            return dict(self.client().api.inspect_image(images.pinned(image)))
        except (ImageNotFound, NotFound):
            return None
        except APIError as error:
            failure = said(error)
            if isinstance(failure, EngineUnavailable):
                raise failure from None
            raise ImageUnavailable(f"image {image!r}: {error.explanation}") from None
