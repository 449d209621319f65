"""The watchdogs of a node's exclusive containers as its controller sees them: started, found again, started anew."""

import os
import subprocess
from pathlib import Path

from runner import durable, isolated, lease_clock
from runner.contract.errors import EngineFailed
from runner.process import shim

NOTE = "watchdog.json"


class Watchdogs:
    """Each outlives this process, and ends once the file `lease` is gone from its container's directory."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._children: dict[str, subprocess.Popen[bytes]] = {}

    def needed(self, container: str) -> bool:
        return (self.root / container / lease_clock.NAME).exists()

    def see_to(self, container: str, id: str) -> None:
        """One runs for the container, which is `id` for its engine. EngineFailed where none can be started."""
        if not self._alive(container):
            self._start(container, id)

    def _alive(self, container: str) -> bool:
        child = self._children.get(container)
        if child is not None:
            return child.poll() is None
        note = durable.read(self.root / container / NOTE)
        try:
            return bool(shim.start_time(int(note["pid"])) == note["start"])
        except (OSError, ValueError, KeyError, IndexError):
            return False

    def _start(self, container: str, id: str) -> None:
        directory = self.root / container
        try:
            child = subprocess.Popen(
                isolated.command("runner.docker.watchdog", str(directory), id),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={"PATH": os.defpath},
                cwd="/",
                start_new_session=True,
            )
            durable.jot(directory / NOTE, {"pid": child.pid, "start": shim.start_time(child.pid)})
        except OSError as error:
            raise EngineFailed(f"the watchdog of an exclusive stage cannot be started: {error}") from None
        self._children[container] = child

    def forget(self, container: str) -> None:
        lease_clock.remove(str(self.root / container))
        child = self._children.get(container)
        if child is not None and child.poll() is not None:
            del self._children[container]
