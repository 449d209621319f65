"""The end of a node's stages with the node (`up`, `--stop-stages`): told first, then recorded as what it is."""

import time
from collections.abc import Callable
from dataclasses import replace

from controller.journal.journal import Journal
from controller.loop.round import Controller
from runner.contract.errors import EngineUnavailable
from runner.contract.runner import Runner
from schema.reasons import End

LONGEST = 15.0
"""Seconds that stages have to end, and again so many to record it. What takes longer is recorded at the next start."""
PAUSE = 0.05


def running(runner: Runner) -> list[str]:
    """Nothing is known of them while the engine does not answer."""
    try:
        return [id for id, container in runner.containers().items() if container.running]
    except EngineUnavailable:
        return []


def stages(count: int) -> str:
    return "1 running stage" if count == 1 else f"{count} running stages"


def end_stages(runner: Runner, journal: Journal, say: Callable[[str], None]) -> list[str]:
    """End what runs, and wait for it. Why is written down before anything is told to stop."""
    ended: list[str] = []
    deadline = time.monotonic() + LONGEST
    while (left := running(runner)) and time.monotonic() < deadline:
        if fresh := [id for id in left if id not in ended]:
            say(f"ending {stages(len(fresh))}")
            ended += fresh
        for id in left:
            journal.mark_stop(id, End.INFRASTRUCTURE)
            runner.stop(id)
        time.sleep(PAUSE)
    return ended


def record(controller: Controller, journal: Journal, ended: list[str]) -> None:
    """Rounds that take nothing new, until the repository shows the ends."""
    deadline = time.monotonic() + LONGEST
    while any(id in journal.entries for id in ended) and time.monotonic() < deadline:
        controller.step(replace(controller.observe(), room=False))
        time.sleep(PAUSE)
