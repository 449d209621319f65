"""The shims of a node's processes as its controller sees them: started, waited for, found again, cleared up after."""

import os
import select
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from importlib.util import MAGIC_NUMBER, cache_from_source
from pathlib import Path

from runner import durable, lease_clock
from runner.contract.usage import descends
from runner.process import shim
from runner.process.program_folders import SYSTEM_PATH

PROGRAMS = (cache_from_source(shim.__file__), shim.__file__)
"""The shim, compiled and as a source, which would be compiled for every stage."""
MARK = "WINSLOW_RUN"
"""In the environment of a stage and all it starts: its directory. By this they are found when their shim is gone."""


def _program() -> str:
    """Compiled only if it was made of this very source: where nothing can be written, an older one stays there."""
    compiled, source = PROGRAMS
    try:
        found = os.stat(source)
        with open(compiled, "rb") as file:
            head = file.read(16)
    except OSError:
        return source
    made_of = struct.pack("<III", 0, int(found.st_mtime) & 0xFFFFFFFF, found.st_size & 0xFFFFFFFF)
    return compiled if head == MAGIC_NUMBER + made_of else source


class Shims:
    """Those this controller started and those it found, waited for by a thread each."""

    def __init__(self, on_change: Callable[[], None]) -> None:
        self.on_change = on_change
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._beginning: set[str] = set()
        self._threads: dict[str, threading.Thread] = {}
        self._over, self._over_write = os.pipe()
        self._closed = False

    def launch(self, directory: Path) -> None:
        name = directory.name
        self._beginning.add(name)
        try:
            durable.write(directory / "launched", {})
            with (directory / "shim.err").open("wb") as err:
                self._children[name] = subprocess.Popen(
                    [sys.executable, "-I", "-S", _program(), str(directory)],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=err,
                    env={"PATH": SYSTEM_PATH, shim.CLOCK: lease_clock.__file__},
                    cwd="/",
                    start_new_session=True,
                )
            self.follow(name, self._children[name].pid)
        finally:
            self._beginning.discard(name)

    def beginning(self, directory: Path) -> bool:
        """Whether a shim that has said nothing yet may still do so."""
        child = self._children.get(directory.name)
        if directory.name in self._beginning or (child is not None and child.poll() is None):
            return True
        return child is None and _runs_for(directory)

    def follow(self, name: str, pid: int) -> None:
        if name in self._threads or self._closed:
            return
        try:
            handle = os.pidfd_open(pid)
        except OSError:
            return
        thread = threading.Thread(target=self._await, args=(name, handle), name=f"end-{name[:8]}", daemon=True)
        self._threads[name] = thread
        thread.start()

    def _await(self, name: str, handle: int) -> None:
        poll = select.poll()
        poll.register(handle, select.POLLIN)
        poll.register(self._over, select.POLLIN)
        poll.poll()
        os.close(handle)
        if self._closed:
            return
        child = self._children.get(name)
        if child is not None:
            child.wait()
        self.on_change()

    def forget(self, name: str) -> None:
        self._threads.pop(name, None)
        child = self._children.pop(name, None)
        if child is not None:
            child.poll()

    def close(self) -> None:
        """The shims go on; nobody waits for them any more."""
        if not self._closed:
            self._closed = True
            os.close(self._over_write)
            for thread in list(self._threads.values()):
                thread.join(1)
            os.close(self._over)


def _runs_for(directory: Path) -> bool:
    """Whether a shim for this directory runs that an earlier controller started."""
    tails = tuple(b"\0" + os.fsencode(each) + b"\0" + os.fsencode(directory) + b"\0" for each in PROGRAMS)
    return any(line.endswith(tails) for _, line in _of_all_processes("cmdline"))


def belongs(process: int, stage: int, directory: Path) -> bool:
    """Whether it was started by this run's stage, whose first process is `stage`."""
    try:
        if os.fsencode(f"{MARK}={directory}") in Path(f"/proc/{process}/environ").read_bytes().split(b"\0"):
            return True
    except OSError:
        pass  # another user's, or gone
    return descends(process, stage)


def kill_marked(directory: Path) -> None:
    """End every process that was started by this run's stage."""
    mark = os.fsencode(f"{MARK}={directory}")
    for _ in range(20):
        marked = [pid for pid, variables in _of_all_processes("environ") if mark in variables.split(b"\0")]
        if not marked:
            return
        for pid in marked:
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                pass
        time.sleep(0.01)


def _of_all_processes(fact: str) -> list[tuple[int, bytes]]:
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                found.append((int(entry), Path(f"/proc/{entry}/{fact}").read_bytes()))
            except OSError:
                continue
    return found
