"""Identifiers that appear in paths, container names and environment variables."""

import re
from typing import Annotated

from pydantic import AfterValidator, StringConstraints, ValidationInfo, WithJsonSchema

from schema.base import is_kept

NAME = r"^[a-z0-9](?:[a-z0-9._-]{0,61}[a-z0-9])?$"
INPUT = r"^[a-z][a-z0-9_]{0,62}$"
TAG = r"^[^\x00-\x1f,]+$"
DRAWN_ON = r"^(?:inputs\.[a-z][a-z0-9_]*|stages\.[a-z0-9][a-z0-9._-]*/[^\x00-\x1f]+)$"
PINNED = r"^[a-z0-9][a-z0-9._-]{0,62}(?:@[0-9a-f]{7,64})?$"
_PART = r"[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*"
_HOST = r"(?:[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+(?::[0-9]+)?|[A-Za-z0-9-]+:[0-9]+|localhost)"
IMAGE = (
    rf"^(?:{_HOST}/)?{_PART}(?:/{_PART})*(?::[A-Za-z0-9_][A-Za-z0-9_.-]{{0,127}})?(?:@[a-z0-9+._-]+:[0-9a-f]{{32,}})?$"
)
"""As Docker reads it: a host with a dot or a port, lower-case names, a tag, a digest."""
_ONCE_TAKEN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@-]*")
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


PATH = r"^(?!/)(?!(?:.*/)?\.\.(?:/|$))[^\x00-\x1f]+$"
"""For JSON Schemas: relative, and no part of it is `..`."""
_PATH_SCHEMA = {
    "type": "string",
    "minLength": 1,
    "maxLength": 1024,
    "pattern": PATH,
    "patternErrorMessage": "a path inside the workspace is wanted: relative, without ..",
}
Inside = Annotated[str, AfterValidator(_inside), WithJsonSchema(_PATH_SCHEMA, mode="validation")]
"""A file of a workspace."""


def _image(text: str, info: ValidationInfo) -> str:
    if re.fullmatch(IMAGE, text) or (is_kept(info) and _ONCE_TAKEN.fullmatch(text)):
        return text
    lower = text.lower()
    mended = f"; names of images are lower-case: {lower}" if re.fullmatch(IMAGE, lower) else ""
    raise ValueError(f"the reference of an image, like registry.lan/name:tag, is wanted, not {text[:60]!r}{mended}")


Image = Annotated[
    str,
    StringConstraints(max_length=512),
    AfterValidator(_image),
    WithJsonSchema({"type": "string", "maxLength": 512, "pattern": IMAGE}, mode="validation"),
]
"""What a registry, or a node, calls an image."""
