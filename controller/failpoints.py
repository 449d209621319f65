"""Named places at which a test may kill the controller. Without a test they do nothing.

`WINSLOW_FAILPOINT=after-push` ends the process at its first pass with SIGKILL; `after-push:3` at the third.
"""

import os
import signal
from collections.abc import Callable

Failpoint = Callable[[str], None]

NAMES = (
    "before-journal",
    "after-journal",
    "workspace-linked",
    "workspace-ready",
    "before-create",
    "after-create",
    "after-start",
    "workspace-hashed",
    "workspace-kept",
    "before-outbox",
    "after-outbox",
    "before-push",
    "after-push",
    "before-remove",
    "after-remove",
)

DROPPING = ("drop-condemned", "drop-noted", "collecting", "collected")
"""Passed only where something is dropped."""

BETWEEN_NODES = ("object-sent", "object-came")
"""Passed only where there is a bucket, or another node to ask."""

LOGS = ("log-noted", "log-packed", "log-sent")
"""Passed only where a log is archived."""


def nothing(name: str) -> None:
    """The failpoint of production."""


def from_environment() -> Failpoint:
    wanted, _, count = os.environ.get("WINSLOW_FAILPOINT", "").partition(":")
    if not wanted:
        return nothing
    left = [int(count or 1)]

    def hit(name: str) -> None:
        if name == wanted:
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    return hit
