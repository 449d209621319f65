"""What is typed into a program beside a stage, once that program has ended."""

import socket

from runner.docker.inside import _passed_on


def test_what_nobody_reads_any_more_ends_the_typing_and_not_the_command() -> None:
    here, there = socket.socketpair()
    with here:
        assert _passed_on(here, b"first")
        there.close()
        assert not _passed_on(here, b"x" * 1_000_000)
        assert not _passed_on(here, b"")
