"""Taken ports: told in one sentence, with the next free one."""

import socket
from collections.abc import Iterator

import pytest

from cli.errors import CommandError
from cli.ports import PortTaken, listening, next_free, split


@pytest.fixture
def taken() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield f"127.0.0.1:{other.getsockname()[1]}"


def test_N3_a_taken_port_is_told_with_the_next_free_one(taken: str) -> None:
    with pytest.raises(PortTaken, match=r"^port \d+ is taken by another program; 127\.0\.0\.1:\d+ is free$"):
        listening(taken)


def test_N3_up_takes_the_next_free_port(taken: str) -> None:
    address, own = next_free(taken)
    with own:
        assert address != taken
        assert f"127.0.0.1:{own.getsockname()[1]}" == address


def test_N3_a_port_that_was_taken_is_nobody_elses() -> None:
    address, own = next_free("127.0.0.1:18484")
    with own, pytest.raises(PortTaken):
        listening(address)


def test_N3_what_is_no_address_of_this_machine_is_told() -> None:
    with pytest.raises(CommandError, match=r"cannot listen on 192\.0\.2\.1:80"):
        listening("192.0.2.1:80")


@pytest.mark.parametrize("text", ["8484", "127.0.0.1:", ":80", "127.0.0.1:70000", "a:b"])
def test_an_address_is_host_and_port(text: str) -> None:
    with pytest.raises(CommandError, match="an address is HOST:PORT"):
        split(text)
