"""Servers beside a node, as its children: their death does not touch it, they are started again, and they end with it,
however it ends: each one's standard input is a pipe that only this process holds open.

The parent takes the child's port, so it is known at once whether it is free, and it stays taken while a child is
started again.
"""

import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cli.ports import PortTaken, listening
from runner import isolated

AGAIN = 5.0
"""Seconds after which one that died is started again, or a port that was taken is tried again."""


@dataclass(frozen=True, slots=True)
class Server:
    """`winslowctl VERB…` on an address, or on a socket that has it already. `name` is what people know it by."""

    name: str
    verb: tuple[str, ...]
    address: str | socket.socket


@contextmanager
def child(repo: str, data: Path, server: Server | None, say: Callable[[str], None]) -> Iterator[None]:
    """The server for the time of the block."""
    if server is None:
        yield
        return
    keeper = _Keeper(server, ["--repo", repo, "--data", str(data), *server.verb], say)
    try:
        yield
    finally:
        keeper.end()


class _Keeper:
    def __init__(self, server: Server, arguments: list[str], say: Callable[[str], None]) -> None:
        self.server, self.say = server, say
        self.command = isolated.command("cli.main", *arguments, with_parent=True)
        self._ended = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None
        self._told = False
        self._begin()
        self._thread = threading.Thread(target=self._run, name="child", daemon=True)
        self._thread.start()

    def _begin(self) -> None:
        self._socket = self._socket or self._listening()
        if self._socket is None:
            return
        handle = self._socket.fileno()
        self._process = subprocess.Popen(
            [*self.command, "--listening-on", str(handle)],
            stdin=subprocess.PIPE,
            env=isolated.environment(),
            pass_fds=[handle],
        )

    def _listening(self) -> socket.socket | None:
        """A taken port is told once, and waited for."""
        if isinstance(self.server.address, socket.socket):
            return self.server.address
        try:
            found = listening(self.server.address)
        except PortTaken as error:
            if not self._told:
                self.say(f"{self.server.name} is left out: {error}. It comes when {self.server.address} is free")
            self._told = True
            return None
        if self._told:
            self.say(f"{self.server.name} is there now: {self.server.address} is free")
        return found

    def _run(self) -> None:
        while True:
            if self._process is not None:
                self._process.wait()
            if self._ended.wait(AGAIN):
                return
            self._begin()

    def end(self) -> None:
        self._ended.set()
        self._thread.join(0.1)
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()
        self._thread.join(1)
        if self._socket is not None:
            self._socket.close()
