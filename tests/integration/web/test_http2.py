"""Where TLS is on, a proxy set up as the documents say speaks HTTP/2 with browsers."""

import socket
import ssl
import time
from pathlib import Path

import pytest

from tests.integration.node.lab import HANG
from tests.servers.doors import PROXIES, certificate, door
from tests.servers.programs import free_port


def _spoken(port: int) -> str | None:
    wanted = ssl.create_default_context()
    wanted.check_hostname, wanted.verify_mode = False, ssl.CERT_NONE
    wanted.set_alpn_protocols(["h2", "http/1.1"])
    deadline = time.monotonic() + HANG
    while True:
        try:
            with (
                socket.create_connection(("127.0.0.1", port), timeout=10) as plain,
                wanted.wrap_socket(plain, server_hostname="localhost") as secure,
            ):
                return secure.selected_alpn_protocol()
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.05)


@pytest.mark.parametrize("name", PROXIES)
def test_T6_a_proxy_speaks_http_2_where_tls_is_on(name: str, tmp_path: Path) -> None:
    certificate(tmp_path)
    port = free_port()
    with door(name, tmp_path, port, free_port()):
        assert _spoken(port) == "h2"
