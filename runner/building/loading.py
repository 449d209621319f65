"""An archive of `docker save` into an engine: checked first, and under no name that means another image there."""

import json
from collections.abc import Iterator
from typing import IO, Any

from docker.errors import NotFound

from runner.building.saved_image import SavedImage, looked_at
from runner.contract.errors import EngineRefused
from runner.docker.engine import talking

PATIENCE = (10.0, None)
"""Seconds to reach the engine, and for its answer: a large image takes as long as it takes."""


def loaded(client: Any, file: IO[bytes], *, replace: bool, more: tuple[str, ...] = ()) -> SavedImage:
    """`replace` lets it take names that another image has; `more` are names that it is to get.

    BadArchive, EngineRefused, EngineUnavailable, OSError.
    """
    image = looked_at(file)
    with talking():
        taken = [name for name in (*image.names, *more) if _id(client, name) not in ("", image.id)]
        if taken and not replace:
            raise EngineRefused(f"{', '.join(taken)} means another image here: --replace gives the name to this one")
        file.seek(0)
        for said in _load(client.api, file):
            if "error" in said:
                raise EngineRefused(f"the engine does not take it: {str(said['error'])[:500]}")
        if _id(client, image.id) != image.id:
            raise EngineRefused(
                f"the engine took it, and does not know {image.id[:19]}…: the file was changed meanwhile"
            )
    return image


def _id(client: Any, name: str) -> str:
    try:
        return str(client.api.inspect_image(name)["Id"])
    except NotFound:
        return ""


def _load(api: Any, file: IO[bytes]) -> Iterator[dict[str, Any]]:
    url = f"{api.base_url}/v{api.api_version}/images/load"
    headers = {"Content-Type": "application/x-tar"}
    response = api.post(url, data=file, headers=headers, stream=True, timeout=PATIENCE)
    if response.status_code != 200:
        raise EngineRefused(f"the engine does not take it: {response.text[:500]}")
    for line in response.iter_lines():
        found = _parsed(line)
        if isinstance(found, dict):
            yield found


def _parsed(line: bytes) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return None
