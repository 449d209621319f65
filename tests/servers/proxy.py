"""A link that is slow, holds what passes, or breaks: a TCP proxy before a server on this machine."""

import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Callable

SMALL = 1024


class Proxy:
    """Listens on `port` for the server on another one.

    `delay` is that of one way, in seconds. While `holds()` says so, what the server sends is held back: for good, until
    `reopen`, or with `cuts` the client's connection is reset. The server never notices.
    """

    def __init__(self, server: int, *, delay: float = 0.0) -> None:
        self.server, self.delay = server, delay
        self.holds: Callable[[], bool] = lambda: False
        self.cuts = False
        self.passed = 0  # bytes from the server to its clients
        self._sockets: list[socket.socket] = []
        self._ended = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def hold_after(self, count: int) -> None:
        """Let so many more bytes pass to clients."""
        last = self.passed + count
        self.holds = lambda: self.passed >= last

    def reopen(self) -> None:
        self.holds, self.cuts = lambda: False, False

    def end(self) -> None:
        self._ended.set()
        for each in [self._listener, *self._sockets]:
            each.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self.server))
            except OSError:
                return
            self._sockets += [client, server]
            for source, sink, down in ((client, server, False), (server, client, True)):
                pipe = _Pipe(self, source, sink, down)
                threading.Thread(target=pipe.read, daemon=True).start()
                threading.Thread(target=pipe.write, daemon=True).start()


class _Pipe:
    """One direction of one connection."""

    def __init__(self, proxy: Proxy, source: socket.socket, sink: socket.socket, down: bool) -> None:
        self.proxy, self.source, self.sink, self.down = proxy, source, sink, down
        self.waiting = deque[tuple[float, bytes]]()
        self.ready = threading.Semaphore(0)

    def read(self) -> None:
        while True:
            try:
                piece = self.source.recv(SMALL)
            except OSError:
                piece = b""
            self.waiting.append((time.monotonic() + self.proxy.delay, piece))
            self.ready.release()
            if not piece:
                return

    def write(self) -> None:
        while self.ready.acquire():
            due, piece = self.waiting.popleft()
            self.proxy._ended.wait(max(0.0, due - time.monotonic()))
            try:
                if not self._send(piece):
                    return
            except OSError:
                return

    def _send(self, piece: bytes) -> bool:
        """False at the end of the connection."""
        if not self.down:
            return self._whole(piece)
        while self.proxy.holds():
            if self.proxy.cuts:
                self.sink.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.sink.close()
            if self.proxy.cuts or self.proxy._ended.wait(0.01):
                return False
        self.proxy.passed += len(piece)
        return self._whole(piece)

    def _whole(self, piece: bytes) -> bool:
        if not piece:
            self.sink.shutdown(socket.SHUT_WR)
            return False
        self.sink.sendall(piece)
        return True
