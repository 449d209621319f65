"""Small files that survive a crash at any moment: whole or not there, never half-written."""

from pathlib import Path
from typing import Protocol

from runner import durable


class Disk(Protocol):
    def read(self, name: str) -> bytes | None: ...

    def write(self, name: str, content: bytes) -> None:
        """Durable once it returns. Raises OSError when the disk is full, and then the old content still stands."""
        ...

    def delete(self, name: str) -> None: ...

    def names(self, folder: str) -> list[str]:
        """Names of the files in a folder, sorted."""
        ...


class FolderDisk:
    """A folder of the real file system: write beside, fsync, rename, fsync the folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True, mode=0o700)

    def read(self, name: str) -> bytes | None:
        try:
            return (self.root / name).read_bytes()
        except FileNotFoundError:
            return None

    def write(self, name: str, content: bytes) -> None:
        durable.put(self.root / name, content)

    def delete(self, name: str) -> None:
        path = self.root / name
        path.unlink(missing_ok=True)

    def names(self, folder: str) -> list[str]:
        try:
            return sorted(p.name for p in (self.root / folder).iterdir() if not p.name.endswith(".part"))
        except FileNotFoundError:
            return []


class MemoryDisk:
    """A disk for simulations: it survives its controller because the test keeps it."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    def read(self, name: str) -> bytes | None:
        return self.files.get(name)

    def write(self, name: str, content: bytes) -> None:
        self.files[name] = content

    def delete(self, name: str) -> None:
        self.files.pop(name, None)

    def names(self, folder: str) -> list[str]:
        prefix = f"{folder}/"
        return sorted(name.removeprefix(prefix) for name in self.files if name.startswith(prefix))
