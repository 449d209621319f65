"""F5: a log is complete once the engine gave all of it, not when a stream of it was closed from here."""

import threading
from collections.abc import Iterator
from pathlib import Path

from runner.docker.docker_log import Follower, read_position

WAIT = 30.0


def frame(number: int) -> bytes:
    text = f"2026-11-30T12:00:00.{number:09d}Z {number}\n".encode()
    return bytes([1, 0, 0, 0]) + len(text).to_bytes(4, "big") + text


class Piecewise:
    """Gives one line and then nothing until it is closed, which ends it like a log that is over."""

    def __init__(self) -> None:
        self.given, self.closed = threading.Event(), threading.Event()

    def __iter__(self) -> Iterator[bytes]:
        yield frame(0)
        self.given.set()
        self.closed.wait(WAIT)

    def close(self) -> None:
        self.closed.set()


class Whole:
    def __iter__(self) -> Iterator[bytes]:
        yield from map(frame, range(5))

    def close(self) -> None:
        pass


class Ended:
    """The log of a container that has ended: its first stream stays half open, later ones are whole."""

    def __init__(self) -> None:
        self.first = Piecewise()
        self.asked = 0

    def over(self) -> bool:
        return True

    def newest(self) -> int:
        raise OSError

    def logs(self, since: str, follow: bool, *, fresh: bool = False) -> Piecewise | Whole:
        self.asked += 1
        return self.first if self.asked == 1 else Whole()


def test_F5_a_stream_that_is_opened_anew_is_no_end_of_the_log(tmp_path: Path) -> None:
    source, over = Ended(), threading.Event()
    follower = Follower(tmp_path, source, 1 << 20, over.set)
    assert source.first.given.wait(WAIT)
    follower.renew()
    assert over.wait(WAIT)
    lines = [line.split(" ", 2)[2] for line in (tmp_path / "log").read_text().splitlines()]
    assert lines == ["0", "1", "2", "3", "4"]
    assert read_position(tmp_path / "log.position").complete
