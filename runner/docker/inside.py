"""A program beside a running stage, in its container: with a terminal where there is one, and its exit code."""

import os
import select
import signal
import socket
import struct
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from docker.errors import APIError

from runner.contract.errors import EngineRefused
from runner.docker.docker_ids import name_of
from runner.docker.engine import connect, talking

PIECE = 32 * 1024


def run_inside(container: str, labels: dict[str, str], command: Sequence[str]) -> int:
    """The exit code. EngineRefused where no such container of these labels runs on this machine."""
    api = connect().api
    with talking():
        _checked(api, container, labels)
        terminal = sys.stdin.isatty() and sys.stdout.isatty()
        made = api.exec_create(name_of(container), list(command), stdin=True, tty=terminal)
        line = api.exec_start(made["Id"], tty=terminal, socket=True)
        program = made["Id"]
        converse(line, terminal=terminal, resize=lambda height, width: api.exec_resize(program, height, width))
        return int(api.exec_inspect(made["Id"])["ExitCode"] or 0)


def converse(line: Any, *, terminal: bool, resize: Callable[[int, int], object]) -> None:
    """With the program at the other end of an engine's stream, until it has ended."""
    with _raw(terminal), _sized(resize, terminal):
        _talk(line._sock if hasattr(line, "_sock") else line, terminal)


def check_runs_here(container: str, labels: dict[str, str]) -> None:
    """EngineRefused where no such container of these labels runs on this machine."""
    with talking():
        _checked(connect().api, container, labels)


def _checked(api: Any, container: str, labels: dict[str, str]) -> None:
    try:
        found = api.inspect_container(name_of(container))
    except APIError:
        raise EngineRefused("its container is not on this machine") from None
    own = found["Config"].get("Labels") or {}
    if any(own.get(key) != value for key, value in labels.items()) or not found["State"]["Running"]:
        raise EngineRefused("its container does not run on this machine")


def _talk(line: socket.socket, terminal: bool) -> None:
    """Until the program has ended; the end of what is typed is passed on. It may end while something is still typed."""
    sources: list[Any] = [line, sys.stdin.buffer]
    rest = b""
    while True:
        ready, _, _ = select.select(sources, [], [])
        if line in ready:
            piece = line.recv(PIECE)
            if not piece:
                return
            rest = _shown(piece) if terminal else _frames(rest + piece)
        elif not _passed_on(line, os.read(sys.stdin.fileno(), PIECE)):
            sources.remove(sys.stdin.buffer)


def _passed_on(line: socket.socket, typed: bytes) -> bool:
    """Whether more may follow."""
    try:
        if typed:
            line.sendall(typed)
        else:
            line.shutdown(socket.SHUT_WR)
    except OSError:  # nobody reads it any more; what the program said last is still to come
        return False
    return bool(typed)


def _shown(piece: bytes) -> bytes:
    sys.stdout.buffer.write(piece)
    sys.stdout.buffer.flush()
    return b""


def _frames(data: bytes) -> bytes:
    """Both streams, each to its own; what is not whole yet is given back."""
    while len(data) >= 8 and len(data) >= 8 + (size := struct.unpack(">I", data[4:8])[0]):
        to = sys.stderr.buffer if data[0] == 2 else sys.stdout.buffer
        to.write(data[8 : 8 + size])
        to.flush()
        data = data[8 + size :]
    return data


@contextmanager
def _raw(terminal: bool) -> Iterator[None]:
    if not terminal:
        yield
        return
    import termios
    import tty

    before = termios.tcgetattr(sys.stdin.fileno())
    try:
        tty.setraw(sys.stdin.fileno())
        yield
    finally:
        termios.tcsetattr(sys.stdin.fileno(), termios.TCSADRAIN, before)


@contextmanager
def _sized(resize: Callable[[int, int], object], terminal: bool) -> Iterator[None]:
    """The program sees how large the terminal is, also when that changes."""
    if not terminal:
        yield
        return

    def changed(*_: object) -> None:
        columns, lines = os.get_terminal_size(sys.stdout.fileno())
        resize(lines, columns)

    before = signal.signal(signal.SIGWINCH, changed)
    try:
        changed()
        yield
    finally:
        signal.signal(signal.SIGWINCH, before)
