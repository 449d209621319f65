"""Images that the state repository builds: `build/NAME` is made from the folder `images/NAME` of `main`.

What is built is told by the id of that folder's tree: equal folders are one image, whatever commit they stand in. A
chain keeps `build/NAME@git:TREE`.
"""

import re

PROJECT = "winslow-images"
"""The reserved project whose executions are builds."""
FOLDER = "images"
DOCKERFILE = "Dockerfile"
NAME = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,38}[a-z0-9])?")
_REFERENCE = re.compile(r"build/([a-z0-9](?:[a-z0-9._-]{0,38}[a-z0-9])?)(?:@git:([0-9a-f]{40,64}))?")
STAMP = 12
"""Digits of a tree's id in the name of the stage that builds it."""


def built(image: str | None) -> tuple[str, str] | None:
    """The name, and the tree where it is said, of an image that the repository builds; None for any other."""
    match = _REFERENCE.fullmatch(image or "")
    return (match[1], match[2] or "") if match else None


def reference(name: str, tree: str = "") -> str:
    return f"build/{name}@git:{tree}" if tree else f"build/{name}"


def stage_name(name: str, tree: str) -> str:
    """Of the stage of `winslow-images` that builds it."""
    return f"{name}-{tree[:STAMP]}"


def tag(name: str, tree: str) -> str:
    """What the engine of a node that built it, or fetched it, calls it."""
    return f"winslow-build/{name}:{tree}"


def repository(registry: str, name: str) -> str:
    return f"{registry.rstrip('/')}/{name}"
