"""The watchdogs of a node's exclusive containers as its controller sees them: started, found again, started anew."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from runner import durable, isolated, lease_clock
from runner.contract.errors import EngineFailed
from runner.process import shim

NOTE = "watchdog.json"


class Watchdogs:
    """Each outlives this process, and ends once the file `lease` is gone from its container's directory."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._children: dict[tuple[str, str], subprocess.Popen[bytes]] = {}
        """By container and the engine's id: a container that was made anew has another id, and needs another one."""

    def needed(self, container: str) -> bool:
        return (self.root / container / lease_clock.NAME).exists()

    def see_to(self, container: str, id: str, services: Sequence[str] = ()) -> None:
        """One runs for the container, which is `id` for its engine. EngineFailed where none can be started."""
        self._collect()
        if not self._alive(container, id):
            self._start(container, id, services)

    def _alive(self, container: str, id: str) -> bool:
        if (container, id) in self._children:
            return True
        note = durable.read(self.root / container / NOTE)
        try:
            return bool(note["id"] == id and shim.start_time(int(note["pid"])) == note["start"])
        except (OSError, ValueError, KeyError, IndexError):
            return False

    def _start(self, container: str, id: str, services: Sequence[str]) -> None:
        directory = self.root / container
        try:
            child = subprocess.Popen(
                isolated.command("runner.docker.ends.watchdog", str(directory), id, *services),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={"PATH": os.defpath},
                cwd="/",
                start_new_session=True,
            )
            self._children[container, id] = child
            note = {"pid": child.pid, "start": shim.start_time(child.pid), "id": id}
            durable.jot(directory / NOTE, note)
        except OSError as error:
            raise EngineFailed(f"the watchdog of an exclusive stage cannot be started: {error}") from None

    def forget(self, container: str) -> None:
        lease_clock.remove(str(self.root / container))
        self._collect()

    def _collect(self) -> None:
        """None that has ended stays a process, whichever container it was for."""
        for key, child in list(self._children.items()):
            if child.poll() is not None:
                self._children.pop(key, None)
