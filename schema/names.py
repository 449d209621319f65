"""Identifiers that appear in paths, container names and environment variables."""

from typing import Annotated

from pydantic import AfterValidator, StringConstraints

NAME = r"^[a-z0-9](?:[a-z0-9._-]{0,61}[a-z0-9])?$"
INPUT = r"^[a-z][a-z0-9_]{0,62}$"
TAG = r"^[^\x00-\x1f,]+$"
PINNED = r"^[a-z0-9][a-z0-9._-]{0,62}(?:@[0-9a-f]{7,64})?$"
IMAGE = r"^[A-Za-z0-9][A-Za-z0-9._:/@-]*$"
ENVIRONMENT = r"^[A-Za-z_][A-Za-z0-9_]{0,127}$"

Name = Annotated[str, StringConstraints(pattern=NAME)]
"""A project, pipeline, stage or node: lower-case letters, digits, `.`, `_`, `-`; at most 63 characters."""

InputName = Annotated[str, StringConstraints(pattern=INPUT)]
"""An input: lower-case letters, digits and `_`; becomes `INPUT_<NAME>` in the stage's environment."""

EnvironmentName = Annotated[str, StringConstraints(pattern=ENVIRONMENT)]
ClaimId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
"""128 random bits, hexadecimal."""

Oid = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{40,64}$")]
"""A Git object id."""

Digest = Annotated[str, StringConstraints(pattern=r"^blake3:[0-9a-f]{64}$")]
"""Of a file's content, or of a workspace's manifest."""


def _inside(path: str) -> str:
    odd = path.startswith("/") or ".." in path.split("/") or any(ord(character) < 32 for character in path)
    if odd or not path or len(path) > 1024:
        raise ValueError(f"a path inside the workspace is wanted (relative, without ..), not {path[:60]!r}")
    return path


Inside = Annotated[str, AfterValidator(_inside)]
"""A file of a workspace."""
