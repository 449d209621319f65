"""What Linux tells of changes in folders. Waiting for it costs nothing, and it comes at once."""

import ctypes
import os
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

_ATTRIB, _CLOSE_WRITE, _MOVED_FROM, _MOVED_TO, _CREATE, _DELETE = 0x4, 0x8, 0x40, 0x80, 0x100, 0x200
_OVERFLOW, _IGNORED, _ONLY_FOLDERS, _FOLDER = 0x4000, 0x8000, 0x0100_0000, 0x4000_0000
_WANTED = _ATTRIB | _CLOSE_WRITE | _MOVED_FROM | _MOVED_TO | _CREATE | _DELETE | _ONLY_FOLDERS
_HEAD = struct.Struct("iIII")  # watch, mask, cookie, length of the name
_AT_ONCE = 65_536
MOST_FOLDERS = 1000
"""Watched below one."""


class Changes:
    """Of a folder, and of those below it if that is wanted, whenever they come to be. OSError where there is no such
    thing, or no more of them may be had.
    """

    def __init__(self, folder: Path, *, recursive: bool) -> None:
        if sys.platform != "linux":
            raise OSError("folders are watched on Linux only")
        self._system = ctypes.CDLL(None, use_errno=True)
        self._recursive = recursive
        self._folders: dict[int, str] = {}
        self.file = _checked(self._system.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC))
        try:
            self._add(str(folder))
        except OSError:
            self.close()
            raise

    def close(self) -> None:
        os.close(self.file)

    def read(self) -> list[str]:
        """Paths that changed since the last time; where there were too many to tell, those of the folders."""
        try:
            content = os.read(self.file, _AT_ONCE)
        except BlockingIOError:
            return []
        return [path for watch, mask, name in _events(content) for path in self._changed(watch, mask, name)]

    def _changed(self, watch: int, mask: int, name: str) -> list[str]:
        if mask & _OVERFLOW:
            return list(self._folders.values())
        if mask & _IGNORED:
            self._folders.pop(watch, None)
            return []
        folder = self._folders.get(watch)
        if folder is None:
            return []
        path = f"{folder}/{name}" if name else folder
        if mask & _FOLDER and self._recursive and mask & (_CREATE | _MOVED_TO):
            self._add_quietly(path)
        return [path]

    def _add_quietly(self, folder: str) -> None:
        try:
            self._add(folder)
        except OSError:
            return

    def _add(self, folder: str) -> None:
        """What comes into one that is new before it is watched is not told; that it came itself is."""
        if len(self._folders) >= MOST_FOLDERS:
            return
        watch = _checked(self._system.inotify_add_watch(self.file, os.fsencode(folder), _WANTED))
        self._folders[watch] = folder
        if self._recursive:
            with os.scandir(folder) as below:
                for each in below:
                    if each.is_dir(follow_symlinks=False):
                        self._add_quietly(each.path)


def _checked(answer: int) -> int:
    if answer < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return answer


def _events(content: bytes) -> Iterator[tuple[int, int, str]]:
    place = 0
    while place < len(content):
        watch, mask, _, length = _HEAD.unpack_from(content, place)
        place += _HEAD.size + length
        yield watch, mask, os.fsdecode(content[place - length : place].rstrip(b"\0"))
