"""An image of an engine to a registry, with the digest by which the registry knows it from then on."""

from collections.abc import Callable
from typing import Any


class NotPushed(Exception):
    """The registry does not take it; the text says why, in its own words."""


def pushed(api: Any, image: str, repository: str, tag: str, tell: Callable[[str], None]) -> str:
    """With the logins of the user who asks. NotPushed; APIError where the engine itself fails."""
    api.tag(image, repository, tag, force=True)
    digest = ""
    for said in api.push(repository, tag=tag, stream=True, decode=True):
        if "error" in said:
            raise NotPushed(f"the registry does not take it, {repository}: {said['error']}"[:500])
        if "status" in said and "progress" not in said:
            tell(f"{said.get('id', '')} {said['status']}".strip() + "\n")
        digest = str((said.get("aux") or {}).get("Digest") or digest)
    if not digest:
        raise NotPushed(f"the registry {repository} told no digest")
    return digest
