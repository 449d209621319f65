"""I7: a port on loopback is for those that it was opened for, not for every user of a machine."""

import os
import socket

import pytest

from runner.looking import port
from runner.looking.port import LoopbackPort, whose


@pytest.fixture
def listener() -> socket.socket:
    return socket.create_server(("127.0.0.1", 0))


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_I7_the_kernel_tells_whose_a_connection_is(listener: socket.socket, family: int) -> None:
    host = "127.0.0.1" if family == socket.AF_INET else "::ffff:127.0.0.1"
    try:
        client = socket.socket(family, socket.SOCK_STREAM)
    except OSError:
        pytest.skip("a kernel without IPv6")
    with client:
        client.connect((host, listener.getsockname()[1]))
        line, _ = listener.accept()
        with line:
            assert whose(line.getpeername(), line.getsockname()) == os.geteuid()


def test_I7_a_connection_that_is_closed_already_is_nobody_s(listener: socket.socket) -> None:
    with socket.create_connection(listener.getsockname()):
        line, _ = listener.accept()
    with line:
        assert whose(line.getpeername(), line.getsockname()) is None


def test_I7_a_connection_of_another_user_is_closed_unheard(monkeypatch: pytest.MonkeyPatch) -> None:
    served: list[socket.socket] = []
    monkeypatch.setattr(LoopbackPort, "_serve", lambda self, line: served.append(line))
    opened = LoopbackPort(os.getpid(), 0, users=(os.geteuid() + 1,))
    monkeypatch.setattr(port, "WAITS", 0.05)
    with opened.opened(), socket.create_connection(("127.0.0.1", opened.number), 5) as client:
        assert client.recv(1) == b""
    assert served == []
