"""Where a log is read from: so many bytes from a place. A file, a store, another node."""

import os
from pathlib import Path
from typing import Protocol

from runner.store.blocks import Blocks


class LogSource(Protocol):
    """A log that only grows. OSError where it cannot be reached now."""

    @property
    def key(self) -> str:
        """Of this log and no other, so that what was learnt of its lines can be kept."""
        ...

    def size(self) -> int:
        """Bytes that it has now."""
        ...

    def read(self, offset: int, count: int) -> bytes:
        """At most so many bytes; fewer only where it ends."""
        ...


class FileSource:
    """A log on this machine. One that is not there yet is empty."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def key(self) -> str:
        return str(self.path)

    def size(self) -> int:
        try:
            return self.path.stat().st_size
        except FileNotFoundError:
            return 0

    def read(self, offset: int, count: int) -> bytes:
        try:
            handle = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return b""
        try:
            return os.pread(handle, count, offset)
        finally:
            os.close(handle)


class PackedSource:
    """A log that was packed into a store."""

    def __init__(self, blocks: Blocks) -> None:
        self.blocks, self.key = blocks, str(blocks.path)

    def size(self) -> int:
        return self.blocks.size

    def read(self, offset: int, count: int) -> bytes:
        return self.blocks.read(offset, count)


class TextSource:
    """A log that is in memory, as the head and tail that the repository keeps."""

    def __init__(self, key: str, text: str) -> None:
        self.key, self.content = key, text.encode()

    def size(self) -> int:
        return len(self.content)

    def read(self, offset: int, count: int) -> bytes:
        return self.content[offset : offset + count]
