"""Waiting for what a node does in its own time, with an end."""

import time
from collections.abc import Callable

from tests.integration.node.lab import HANG


def eventually(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + HANG
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return condition()
