"""I6: whether a program listens, by what the kernel shows."""

import os
import socket

import pytest

from runner.docker.listening import Listens, listening, listens

HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
ALL, LOOP = "00000000", "0100007F"
SIX, SIX_LOOP = "0" * 32, "0" * 24 + "01000000"
MAPPED = "0000000000000000FFFF00000100007F"


def row(address: str, port: int, state: str = "0A") -> str:
    return f"   0: {address}:{port:04X} 00000000:0000 {state} 00000000:00000000 00:00000000 00000000 0 0 1\n"


@pytest.mark.parametrize(
    ("table", "found"),
    [
        ("", Listens.NO),
        (row(ALL, 8000), Listens.YES),
        (row("0200A8C0", 8000), Listens.YES),
        (row(SIX, 8000), Listens.YES),
        (row(LOOP, 8000), Listens.ITSELF),
        (row("0B00007F", 8000), Listens.ITSELF),
        (row(SIX_LOOP, 8000), Listens.ITSELF),
        (row(MAPPED, 8000), Listens.ITSELF),
        (row(LOOP, 8000) + row(ALL, 8000), Listens.YES),
        (row(ALL, 8001), Listens.NO),
        (row(ALL, 8000, "01"), Listens.NO),
        ("what is this\n", Listens.NO),
    ],
)
def test_I6_listening(table: str, found: Listens) -> None:
    assert listening(HEAD + table, 8000) is found


def test_I6_the_kernel_is_asked() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert listens(os.getpid(), port) is Listens.ITSELF
    with socket.create_server(("0.0.0.0", 0)) as server:
        assert listens(os.getpid(), server.getsockname()[1]) is Listens.YES
