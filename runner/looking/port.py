"""One port of a container without a network, on the loopback of this machine.

Connections are made from within the container's network namespace, so it needs no address, no bridge and no way out.
Any user of a machine reaches its loopback, so the kernel is asked whose each connection is.
"""

import ctypes
import os
import select
import socket
import sys
import threading
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress

NEWNET = 0x40000000
MOST = 128
"""Connections at once; more wait."""
PIECE = 64 * 1024
CONNECTS = 5.0
MAPPED = ("FFFF0000", "0000FFFF")
TABLES = ("/proc/net/tcp", "/proc/net/tcp6")
WAITS = 1.0


class LoopbackPort:
    """`pid` is a process of the container. OSError where its namespace cannot be entered: only root may."""

    def __init__(self, pid: int, port: int, users: Collection[int] = (0,)) -> None:
        """`users` are whose programs may connect."""
        self.inside, self.users = port, users
        self.moved = time.monotonic()
        """When something last went through, on the monotonic clock."""
        self._namespace = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        self._room, self._ended = threading.BoundedSemaphore(MOST), threading.Event()
        self._listener = _listener(port)
        self.number = int(self._listener.getsockname()[1])
        self._thread = threading.Thread(target=self._accept, name="port", daemon=True)

    @contextmanager
    def opened(self) -> Iterator[None]:
        self._thread.start()
        try:
            yield
        finally:
            self._ended.set()
            self._thread.join(2 * WAITS)
            self._listener.close()

    def _accept(self) -> None:
        self._listener.settimeout(WAITS)
        while not self._ended.is_set():
            if not self._room.acquire(timeout=WAITS):
                continue
            try:
                line, _ = self._listener.accept()
            except OSError:
                self._room.release()
                continue
            if not self._permitted(line):
                line.close()
                self._room.release()
                continue
            threading.Thread(target=self._serve, args=(line,), daemon=True).start()

    def _permitted(self, line: socket.socket) -> bool:
        try:
            return whose(line.getpeername(), line.getsockname()) in self.users
        except OSError:
            return False

    def _serve(self, line: socket.socket) -> None:
        """In a thread of its own, which alone is in that namespace."""
        try:
            with line, suppress(OSError):
                if ctypes.CDLL(None, use_errno=True).setns(self._namespace, NEWNET):
                    return
                with socket.create_connection(("127.0.0.1", self.inside), CONNECTS) as other:
                    self._relay(line, other)
        finally:
            self._room.release()

    def _relay(self, one: socket.socket, other: socket.socket) -> None:
        """Until both have said all, or one is gone."""
        to = {one: other, other: one}
        for each in to:
            each.settimeout(CONNECTS)
        while to and not self._ended.is_set():
            for source in select.select(list(to), [], [], WAITS)[0]:
                piece = source.recv(PIECE)
                self.moved = time.monotonic()
                if piece:
                    to[source].sendall(piece)
                else:
                    with suppress(OSError):
                        to[source].shutdown(socket.SHUT_WR)
                    del to[source]


def _listener(port: int) -> socket.socket:
    """Of the same number where that is free."""
    try:
        return socket.create_server(("127.0.0.1", port))
    except OSError:
        return socket.create_server(("127.0.0.1", 0))


def whose(peer: tuple[str, int], own: tuple[str, int]) -> int | None:
    """The user id of the program at the other end of a connection within this machine; None where nobody has it any
    more: what is closed already would be told as root's. OSError."""
    ends = _written(peer), _written(own)
    for table in TABLES:
        with suppress(FileNotFoundError), open(table) as lines:
            for line in lines:
                words = line.split()
                if len(words) > 9 and (_short(words[1]), _short(words[2])) == ends and words[9] != "0":
                    return int(words[7])
    return None


def _written(end: tuple[str, int]) -> str:
    """As the kernel writes an address: a number in the order of the machine, and the port."""
    return f"{int.from_bytes(socket.inet_aton(end[0]), sys.byteorder):08X}:{end[1]:04X}"


def _short(text: str) -> str:
    """A program may speak by IPv4 through a socket of IPv6."""
    address, _, port = text.partition(":")
    return f"{address[24:]}:{port}" if len(address) == 32 and address[16:24] in MAPPED else text
