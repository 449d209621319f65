"""Our own log of a container: every line once, also when its follower is replaced in the middle."""

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from runner.docker.docker_log import Follower, LogPosition, Writer, frames, gathered, read_position
from runner.docker.docker_runner import DockerRunner
from tests.contract.runners import Bench, log

FAST = "import sys\nfor i in range(40000): print(i, file=(sys.stderr if i % 7 == 0 else sys.stdout))"


def numbers(bench_log: str) -> list[int]:
    return [int(line.split(" ", 2)[2]) for line in bench_log.splitlines()]


@pytest.mark.docker
def test_F5_followers_replaced_amid_fast_output_lose_and_double_no_line(bench: Bench) -> None:
    runner, spec = bench.runner(), bench.spec(FAST)
    bench.run(runner, spec)
    for count in range(1, 9):
        bench.until(lambda least=count * 2000: log(spec).count("\n") >= least)
        runner = bench.again(runner)
        runner.containers()
    bench.end(runner, spec.id)
    assert sorted(numbers(log(spec))) == list(range(40000))


@pytest.mark.docker
def test_F5_lines_written_after_the_last_note_are_not_doubled(bench: Bench) -> None:
    """A kill between the lines and the note: the log is longer than the note says."""
    runner, spec = bench.runner(), bench.spec("for i in range(500): print(i)")
    bench.run(runner, spec)
    bench.end(runner, spec.id)
    runner.reap()
    (spec.directory / "log.position").unlink()
    bench.end(bench.runner(), spec.id)
    assert numbers(log(spec)) == list(range(500))


@pytest.mark.docker
def test_a_log_stops_at_its_cap_and_says_so(bench: Bench) -> None:
    runner = DockerRunner(bench.owner, bench.root / "runs", log_cap=10_000)
    bench.runners.append(runner)
    spec = bench.spec("for i in range(5000): print(i)")
    bench.run(runner, spec)
    bench.end(runner, spec.id)
    *lines, last = log(spec).splitlines()
    assert [int(line.split(" ", 2)[2]) for line in lines] == list(range(len(lines)))
    assert " W the log is full (10000 bytes)" in last
    assert (spec.directory / "log").stat().st_size < 10_200


def frame(moment: int, text: bytes, stream: int = 1) -> bytes:
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(moment // 10**9)).encode() + b".%09dZ " % (moment % 10**9)
    return bytes([stream, 0, 0, 0]) + len(stamp + text).to_bytes(4, "big") + stamp + text


def replay(directory: Path, recorded: list[tuple[int, bytes]], cut: list[int]) -> list[str]:
    """Followers that each read some more frames and then are replaced, as `Follower` does it."""
    for end in cut:
        writer = Writer(directory, 1 << 20)
        assert writer.lock()
        since = writer.resume()
        given = b"".join(frame(moment, text) for moment, text in recorded[:end] if moment >= since)
        for found in frames(given[at : at + 50] for at in range(0, len(given), 50)):
            writer.add(found)
        writer.close()
    return [line.split(" ", 2)[2] for line in (directory / "log").read_text().splitlines()]


def moments(jitter: int, back: int) -> list[tuple[int, bytes]]:
    base = 1_700_000_000 * 10**9
    times = [(i // 2) * 400_000_000 - (i % 3) * jitter - (back * 10**9 if i > 20 else 0) for i in range(40)]
    return [(base + moment, b"%d\n" % i) for i, moment in enumerate(times)]


@pytest.mark.parametrize("step", [1, 2, 3, 7])
@pytest.mark.parametrize("jitter", [0, 3, 900_000_000])
@pytest.mark.parametrize("short", [0, 1 << 20])
def test_replayed_frames_are_skipped_however_their_times_jitter(
    tmp_path: Path, step: int, jitter: int, short: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Equal times and times out of order, of long logs and of short ones."""
    monkeypatch.setattr("runner.docker.docker_log.SHORT", short)
    assert replay(tmp_path, moments(jitter, 0), [*range(1, 40, step), 40]) == [str(i) for i in range(40)]


@pytest.mark.parametrize("step", [1, 3, 7])
def test_a_clock_set_back_hides_no_line(tmp_path: Path, step: int) -> None:
    assert replay(tmp_path, moments(3, 3000), [*range(1, 40, step), 40]) == [str(i) for i in range(40)]


def test_a_torn_position_means_reading_all_again(tmp_path: Path) -> None:
    (tmp_path / "log.position").write_text('{"anchor": 5, "cou')
    assert read_position(tmp_path / "log.position") == LogPosition()


def test_a_full_disk_leaves_the_position_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = Writer(tmp_path, 1 << 20)
    writer.lock()
    one, two = next(frames(iter([frame(10**18, b"a\n") + frame(10**18 + 1, b"b\n")])))
    writer.add([one])
    before = replace(writer.position)

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("runner.docker.docker_log.os.write", full)
        with pytest.raises(OSError, match="No space"):
            writer.add([two])
    assert writer.position == before
    writer.add([two])
    assert [line[-1] for line in (tmp_path / "log").read_text().splitlines()] == ["a", "b"]
    writer.close()


class Pieces:
    """The engine's log in pieces, one list a request; then it is over."""

    def __init__(self, *answers: list[bytes | Exception]) -> None:
        self.answers, self.asked = list(answers), list[bool]()

    def logs(self, since: str, follow: bool, *, fresh: bool = False) -> "Pieces":
        self.asked.append(fresh)
        return self

    def over(self) -> bool:
        return len(self.answers) <= 1

    def __iter__(self) -> Iterator[bytes]:
        for each in self.answers.pop(0) if self.answers else ():
            if isinstance(each, Exception):
                raise each
            yield each

    def close(self) -> None:
        pass


def followed(directory: Path, *answers: list[bytes | Exception]) -> tuple[list[str], Pieces]:
    source, over = Pieces(*answers), threading.Event()
    follower = Follower(directory, source, 1 << 20, over.set)
    assert over.wait(20)
    follower.end()
    return [line.split(" ", 1)[1] for line in (directory / "log").read_text().splitlines()], source


NOW = 1_700_000_000 * 10**9
ONE, TWO = frame(NOW, b"one\n"), frame(NOW + 1, b"two\n")


def test_an_odd_line_is_kept_and_ends_nothing(tmp_path: Path) -> None:
    odd = bytes([1, 0, 0, 0]) + len(b"no time at all\n").to_bytes(4, "big") + b"no time at all\n"
    assert followed(tmp_path, [ONE + odd + TWO])[0] == ["O one", "O no time at all", "O two"]


def test_where_the_engine_cannot_read_on_the_log_says_so_and_goes_on_with_what_comes(tmp_path: Path) -> None:
    text = b"Error grabbing logs: invalid character\n"
    hurt = bytes([3, 0, 0, 0]) + len(text).to_bytes(4, "big") + text
    said, source = followed(tmp_path, [ONE + hurt], [TWO], [ONE + TWO + hurt])
    assert said == [
        "O one", "W the engine cannot read its log here, and lines may be missing: Error grabbing logs: "
        "invalid character", "O two",
    ]  # fmt: skip
    assert source.asked == [False, True, False]


def test_a_stream_that_breaks_anyhow_is_asked_for_again(tmp_path: Path) -> None:
    html = b"<html>gateway</html>"
    assert followed(tmp_path, [ONE, RuntimeError("odd")], [html], [ONE + TWO])[0] == ["O one", "O two"]


def test_a_log_whose_rest_does_not_come_says_so(tmp_path: Path) -> None:
    class Deaf(Pieces):
        def logs(self, since: str, follow: bool, *, fresh: bool = False) -> "Pieces":
            raise OSError("500")

    follower = Follower(tmp_path, Deaf(), 1 << 20, lambda: None)
    follower.give_up()
    assert "W the engine did not give the rest of this log" in (tmp_path / "log").read_text()
    assert read_position(tmp_path / "log.position").complete


def test_what_came_meanwhile_is_taken_at_once_and_how_it_ended_is_told() -> None:
    assert b"".join(gathered([b"a", b"b", b"c"])) == b"abc"
    with pytest.raises(OSError, match="cut"):
        list(gathered(Pieces([b"a", OSError("cut")])))
