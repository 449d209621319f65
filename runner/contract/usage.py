"""What a running stage uses: the CPU time that it took so far, and the memory it has now."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import psutil


@dataclass(frozen=True, slots=True)
class Usage:
    """`cpu` in seconds of one core since its start, `memory` in bytes."""

    cpu: float
    memory: float


def of_processes(root: int) -> Usage | None:
    """Of a process and all below it; None where it is gone."""
    try:
        top = psutil.Process(root)
        family = [top, *top.children(recursive=True)]
    except (psutil.Error, OSError):
        return None
    cpu = memory = 0.0
    for process in family:
        try:
            with process.oneshot():
                times, held = process.cpu_times(), process.memory_info().rss
        except (psutil.Error, OSError):
            continue
        cpu += times.user + times.system + times.children_user + times.children_system
        memory += held
    return Usage(cpu, memory)


def descends(process: int, root: int) -> bool:
    """Whether it is that one, or was started below it."""
    try:
        return process == root or any(each.pid == root for each in psutil.Process(process).parents())
    except (psutil.Error, OSError):
        return False


def of_stats(stats: Mapping[str, Any]) -> Usage | None:
    """Of the engine's answer. Files that the kernel could forget at any time do not count as memory."""
    try:
        cpu = stats["cpu_stats"]["cpu_usage"]["total_usage"] / 1e9
        memory = stats["memory_stats"]["usage"]
        detail = stats["memory_stats"].get("stats") or {}
        cache = detail.get("inactive_file", detail.get("total_inactive_file", 0))
    except (KeyError, TypeError):
        return None  # it has just ended, or the engine cannot count
    return Usage(cpu, max(0.0, float(memory) - cache))
