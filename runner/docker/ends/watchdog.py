"""Ends the container of an exclusive stage when its time is over: without its controller, and without the engine.

A program of its own, started before the container: `runner.docker.ends.watchdog DIRECTORY ID [ID…]`; the others are
those of its services, which are killed once the first has ended. It goes on until the file
`lease` is gone from that directory (`runner.lease_clock`), so that a container which a slow engine starts late ends as
well. The container's processes are found by their control group, whose path has its id on every machine.
"""

import os
import select
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress

from runner import lease_clock

LOOK_EVERY = 5.0
"""Seconds between two looks whether it is still needed."""
PRESS_EVERY = 0.1
UNLIKELY = "-900"
"""How the kernel is asked to leave it alone when memory runs out; only root's programs may ask."""
LATE, LONGEST = 600.0, 10.0
"""Once nothing runs: seconds between two looks are one, and one more for so many that have passed; at most so many."""


def main() -> int:
    directory, container, *services = sys.argv[1:]
    with suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
        file.write(UNLIKELY)
    watch(directory, container, services)
    return 0


def watch(directory: str, container: str, services: Sequence[str] = ()) -> None:
    alarm, told = lease_clock.Alarm(), False
    while (lease := lease_clock.look(directory)) is not None:
        late = lease_clock.now() - lease.at
        if late < 0 and not lease.over:
            alarm.set(lease.at)
            select.select([alarm.fd], [], [], LOOK_EVERY)
            alarm.rang()
        elif running := list(processes(container)):
            lease_clock.end(directory)
            _press(container, running, told=told, kill=late >= lease.kill_within)
            told = True
            time.sleep(PRESS_EVERY)
        elif beside := [(each, pid) for each in services for pid in processes(each)]:
            lease_clock.end(directory)
            for each, pid in beside:
                _signal(each, pid, signal.SIGKILL)
            time.sleep(PRESS_EVERY)
        else:
            time.sleep(min(1.0 + max(late, 0.0) / LATE, LONGEST))


def processes(container: str) -> Iterator[int]:
    """Those of a container, by its engine's id."""
    for entry in os.listdir("/proc"):
        if entry.isdigit() and belongs(int(entry), container):
            yield int(entry)


def belongs(pid: int, container: str) -> bool:
    try:
        with open(f"/proc/{pid}/cgroup") as file:
            return container in file.read()
    except OSError:
        return False


def _press(container: str, running: list[int], *, told: bool, kill: bool) -> None:
    """TERM once to the first process, as the engine does it; KILL to all, until none is left."""
    if kill:
        for pid in running:
            _signal(container, pid, signal.SIGKILL)
    elif not told:
        for pid in [pid for pid in running if _first(pid)] or running:
            _signal(container, pid, signal.SIGTERM)


def _first(pid: int) -> bool:
    """Whether it is the first one of its container."""
    try:
        with open(f"/proc/{pid}/status") as file:
            numbers = next((line.split() for line in file if line.startswith("NSpid:")), [])
    except OSError:
        return False
    return len(numbers) > 2 and numbers[-1] == "1"


def _signal(container: str, pid: int, number: signal.Signals) -> None:
    """To the very process: its number may be another one's by now."""
    try:
        handle = os.pidfd_open(pid)
    except OSError:
        return
    try:
        if belongs(pid, container):
            signal.pidfd_send_signal(handle, number)
    except OSError:
        pass
    finally:
        os.close(handle)
