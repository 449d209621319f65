"""Small durable JSON files that outlive the controller."""

import json
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any


class FileDraft:
    """A file that takes the place of another. Until it is kept, and when the block fails, the other one stays."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.part = path.with_name(f"{path.name}.{os.getpid()}-{threading.get_ident()}.part")

    def __enter__(self) -> "FileDraft":
        self.path.parent.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(self, *_: object) -> None:
        self.part.unlink(missing_ok=True)

    def write(self, content: bytes) -> Path:
        """What has to be on the disk before it is kept."""
        with open(os.open(self.part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(content)
        return self.part

    def keep(self) -> None:
        """Once it is on the disk."""
        self.part.rename(self.path)
        sync(self.path.parent)


def write(path: Path, content: Mapping[str, object]) -> None:
    put(path, json.dumps(content).encode())


def put(path: Path, content: bytes) -> None:
    """Whole or not at all, and there after a power cut."""
    with FileDraft(path) as draft:
        sync(draft.write(content))
        draft.keep()


def draft(path: Path, content: bytes) -> None:
    """Whole or not at all; after a power cut there, once its folder was synced, and until then perhaps gone."""
    with FileDraft(path) as file:
        sync(file.write(content))
        file.part.rename(path)


def jot(path: Path, content: Mapping[str, object]) -> None:
    """Whole or not at all, and after a power cut perhaps gone: for what a process needs that would end with it."""
    with FileDraft(path) as draft:
        draft.write(json.dumps(content).encode()).rename(path)


def sync(path: Path | str) -> None:
    """A file or a folder, to the disk."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def read(path: Path) -> dict[str, Any]:
    """Nothing, where there is none or it does not parse."""
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
