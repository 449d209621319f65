"""Limits that an engine accepts and does not keep: its kernel cannot limit that, or the cgroup is not mounted.

An engine says of itself what it cannot limit, and once more of each container when that is made. A stage that asked
for a limit is not run without it. Swap is the exception: many engines limit memory without it, and say so.
"""

from collections.abc import Mapping, Sequence
from typing import Any

FLAGS = {"memory": "MemoryLimit", "cpus": "CpuCfsQuota", "pids": "PidsLimit"}
"""Limits of a stage, and how the engine calls its ability to keep them."""
KEPT = {"mem_limit": "Memory", "nano_cpus": "NanoCpus", "pids_limit": "PidsLimit"}
"""Limits as they are asked for, and as a container shows them."""


def lacking(info: Mapping[str, Any]) -> tuple[str, ...]:
    """What the engine says it cannot limit. What it does not speak of counts as kept."""
    return tuple(name for name, flag in FLAGS.items() if info.get(flag) is False)


def discarded(warnings: Sequence[str]) -> str:
    """Of what the engine said when it made a container: the part about limits that it will not keep."""
    return " ".join(text.strip() for text in warnings if "discarded" in text.lower())


def differing(asked: Mapping[str, Any], made: Mapping[str, Any]) -> str:
    """Of a container that is there already, as its `HostConfig` shows: limits that it was asked for and lacks."""
    return ", ".join(
        kept for name, kept in KEPT.items() if asked.get(name) and int(made.get(kept) or 0) != int(asked[name])
    )
