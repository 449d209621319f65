"""Giving memory back: the C library keeps what was freed for itself, and after a first load that is a lot."""

import ctypes


def give_back() -> None:
    """To the machine, where the C library can do that (glibc)."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
