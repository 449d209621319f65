"""Ports that Winslow's servers listen on: HOST:PORT, and what is said where one is taken."""

import errno
import socket
import time

from cli.errors import CommandError

NEAR = 50
"""Ports after a taken one that are looked at for a free one."""


PATIENCE = 0.5
BACKLOG = 128


class PortTaken(Exception):
    """Another program listens there; the text names the next free port."""


def split(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65_536:
        raise CommandError(f"an address is HOST:PORT, like 127.0.0.1:8484, not {address[:60]!r}", 2)
    return host.strip("[]"), int(port)


def listening(address: str) -> socket.socket:
    """A socket that has this address. Taken; CommandError where this machine has no such address."""
    host, port = split(address)
    if (found := _soon(host, port)) is not None:
        return found
    near = next((each for each in _near(port) if _is_free(host, each)), None)
    hint = f"; {_joined(host, near)} is free" if near else ""
    raise PortTaken(f"port {port} is taken by another program{hint}")


def next_free(address: str) -> tuple[str, socket.socket]:
    """The address, or the next one that is free, with a socket that has it. Taken where none is near."""
    host, port = split(address)
    if (found := _soon(host, port)) is not None:
        return address, found
    for each in _near(port):
        if (found := _bound(host, each)) is not None:
            return _joined(host, each), found
    raise PortTaken(f"port {port} and the {NEAR} after it are taken; name another one")


def _soon(host: str, port: int) -> socket.socket | None:
    """What another run of this program has left, which was killed just now, it gives back in a moment."""
    deadline = time.monotonic() + PATIENCE
    while (found := _bound(host, port)) is None and time.monotonic() < deadline:
        time.sleep(PATIENCE / 10)
    return found


def _near(port: int) -> range:
    return range(port + 1, min(port + NEAR, 65_535) + 1)


def _joined(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _is_free(host: str, port: int) -> bool:
    found = _bound(host, port)
    if found is not None:
        found.close()
    return found is not None


def _bound(host: str, port: int) -> socket.socket | None:
    """None where the port is taken."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0][0]
        found = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        raise CommandError(f"{host} is no address of this machine: {error.strerror}") from None
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((host, port))
        found.listen(BACKLOG)  # a port that is bound only, another program could bind as well
    except OSError as error:
        found.close()
        if error.errno == errno.EADDRINUSE:
            return None
        raise CommandError(f"this machine cannot listen on {_joined(host, port)}: {error.strerror}") from None
    return found
