"""The shims of a node's processes as its controller sees them: started, waited for, found again, cleared up after."""

import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from importlib.util import cache_from_source
from pathlib import Path

from runner import durable, lease_clock
from runner.contract.errors import EngineFailed
from runner.contract.usage import descends
from runner.process import shim, shim_server
from runner.process.program_folders import SYSTEM_PATH

SERVER = shim_server.__file__
EARLIER = (cache_from_source(shim.__file__), shim.__file__)
"""In the command line of a shim that a node of an earlier version started, before its run's directory."""
PATIENCE = 10.0
"""Seconds for a shim to be forked."""
MARK = "WINSLOW_RUN"
"""In the environment of a stage and all it starts: its directory. By this they are found when their shim is gone."""


class ShimServer:
    """The process that forks the shims (`runner.process.shim_server`), started when it is first needed, and again where
    it was killed. Asking twice is safe: of two shims for one run, one alone begins.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None

    def start(self) -> None:
        """So that its interpreter is there when the first shim is wanted. If it cannot be started, `fork` says why."""
        with self._lock, suppress(OSError):
            self._ready()

    def fork(self, directory: Path) -> int:
        """A pidfd of a new shim for this run. EngineFailed, in words."""
        with self._lock:
            said = ""
            for _ in range(2):
                try:
                    said, found = self._ask(self._ready(), directory)
                except OSError as error:
                    said, found = str(error), []
                if found:
                    return found[0]
                self._end()
            raise EngineFailed(f"no shim can be started for a stage: {said or 'its server ended'}")

    def _ask(self, server: socket.socket, directory: Path) -> tuple[str, list[int]]:
        server.sendall(os.fsencode(directory))
        said, found, _, _ = socket.recv_fds(server, 256, 1)
        return said.decode().strip(), found

    def _ready(self) -> socket.socket:
        if self._socket and self._process and self._process.poll() is None:
            return self._socket
        self._end()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.settimeout(PATIENCE)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", SERVER, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                env={"PATH": SYSTEM_PATH, shim.CLOCK: lease_clock.__file__},
                cwd="/",
                start_new_session=True,
            )
        self._socket = ours
        return ours

    def _end(self) -> None:
        if self._socket:
            self._socket.close()
        if self._process:
            self._process.kill()
            self._process.wait()
        self._socket = self._process = None

    def close(self) -> None:
        with self._lock:
            self._end()


class Shims:
    """Those this controller started and those it found, waited for by a thread each."""

    def __init__(self, on_change: Callable[[], None]) -> None:
        self.on_change = on_change
        self.server = ShimServer()
        self._children: dict[str, int] = {}  # by name, a pidfd of each that this controller started
        self._beginning: set[str] = set()
        self._threads: dict[str, threading.Thread] = {}
        self._over, self._over_write = os.pipe()
        self._closed = False

    def launch(self, directory: Path) -> None:
        name = directory.name
        self._beginning.add(name)
        try:
            durable.write(directory / "launched", {})
            self._children[name] = handle = self.server.fork(directory)
            self._wait(name, os.dup(handle))
        finally:
            self._beginning.discard(name)

    def beginning(self, directory: Path) -> bool:
        """Whether a shim that has said nothing yet may still do so."""
        child = self._children.get(directory.name)
        if directory.name in self._beginning:
            return True
        return _runs_for(directory) if child is None else not _ended(child)

    def follow(self, name: str, pid: int) -> None:
        if name in self._threads or self._closed:
            return
        try:
            self._wait(name, os.pidfd_open(pid))
        except OSError:
            return

    def _wait(self, name: str, handle: int) -> None:
        thread = threading.Thread(target=self._await, args=(name, handle), name=f"end-{name[:8]}", daemon=True)
        self._threads[name] = thread
        thread.start()

    def _await(self, name: str, handle: int) -> None:
        poll = select.poll()
        poll.register(handle, select.POLLIN)
        poll.register(self._over, select.POLLIN)
        poll.poll()
        os.close(handle)
        if not self._closed:
            self.on_change()

    def forget(self, name: str) -> None:
        self._threads.pop(name, None)
        child = self._children.pop(name, None)
        if child is not None:
            os.close(child)

    def close(self) -> None:
        """The shims go on; nobody waits for them any more."""
        if not self._closed:
            self._closed = True
            self.server.close()
            os.close(self._over_write)
            for thread in list(self._threads.values()):
                thread.join(1)
            os.close(self._over)


def _ended(handle: int) -> bool:
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    return bool(poll.poll(0))


def _runs_for(directory: Path) -> bool:
    """Whether a shim for this directory runs that a controller of an earlier version started."""
    tails = tuple(b"\0" + os.fsencode(each) + b"\0" + os.fsencode(directory) + b"\0" for each in EARLIER)
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
