"""Ways to the disk beside `fsync`: begin to write early, as a hint; and wait for a whole file system at once."""

import ctypes
import os
from collections.abc import Callable
from pathlib import Path

BEGIN = 2
"""SYNC_FILE_RANGE_WRITE"""
EVERY = 8 << 20


def _found() -> Callable[[int, int, int], None]:
    try:
        call = ctypes.CDLL(None, use_errno=True).sync_file_range
    except (OSError, AttributeError):
        return lambda file, offset, count: None
    call.argtypes = (ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint)

    def begin(file: int, offset: int, count: int) -> None:
        call(file, offset, count, BEGIN)

    return begin


begin = _found()
"""Of an open file, from an offset on so many bytes."""


def whole(folder: Path) -> bool:
    """Whether all that was written to its file system is on the disk now. False where the kernel cannot tell."""
    try:
        call = ctypes.CDLL(None, use_errno=True).syncfs
    except (OSError, AttributeError):
        return False
    handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return bool(call(handle) == 0)
    finally:
        os.close(handle)
