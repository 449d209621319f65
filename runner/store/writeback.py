"""Telling the kernel to begin writing what was written, so that a later wait for the disk is short. Only a hint."""

import ctypes
from collections.abc import Callable

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
