"""Our own log of one container, written from the engine's, every line once, whatever restarts in between.

The engine's log is a sequence of frames, each with a time in nanoseconds. `log.position` says how far `log` has come:
an anchor (a time), how many frames at or after it are in `log`, and how many bytes of `log` that makes. To go on after
any interruption: cut `log` to those bytes, ask the engine for everything since the anchor, skip that many frames.
Times of the two streams may be out of order by a little, so the anchor stays a second behind.
"""

import fcntl
import json
import os
import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Protocol

from runner.logs import log_file as logs
from runner.secrets.masking import of_run

SECOND = 1_000_000_000
STREAMS = {1: "O", 2: "E"}
BROKEN = 3
"""The stream by which the engine says that it cannot read on in its own log."""
POSITION_BYTES = 512
SHORT = 8 * 1024 * 1024
"""A log up to here is found again by counting alone, so that not even a clock set back can hide a line."""
RETRY = 0.3
AHEAD = 4096
"""Pieces that are read before those that came first are written."""


class Stream(Protocol):
    """Bytes as the engine sends them; `close` may be called from another thread and ends the iteration."""

    def __iter__(self) -> Iterator[bytes]: ...

    def close(self) -> None: ...


class ContainerLogSource(Protocol):
    """Where a container's log comes from."""

    def logs(self, since: str, follow: bool, *, fresh: bool = False) -> Stream:
        """OSError when the engine does not answer, LookupError when there is no such container. `fresh`: none but
        lines that are still to come."""
        ...

    def over(self) -> bool:
        """Whether the container has ended, as the engine says: the end of the stream does not say it."""
        ...


@dataclass(frozen=True, slots=True)
class LogFrame:
    time: int  # nanoseconds since 1970
    stream: str
    text: bytes
    whole: bool  # ends its line


@dataclass(slots=True)
class LogPosition:
    """How far the log has come; times are nanoseconds."""

    anchor: int = 0
    count: int = 0  # frames at or after the anchor
    total: int = 0
    last: int = 0  # the newest time seen
    bytes: int = 0
    open: str = ""  # streams whose last frame did not end its line
    complete: bool = False
    full: bool = False
    candidate: int = 0  # the next anchor, and frames at or after it
    candidate_count: int = 0
    stepped: bool = False

    def seen(self, moment: int) -> None:
        self.total += 1
        self.count += moment >= self.anchor
        self.candidate_count += moment >= self.candidate
        if moment < self.last - SECOND and not self.stepped:  # the clock was set back: times order nothing any more
            self.anchor, self.count, self.stepped = 0, self.total, True
        if moment > self.last:
            self.last = moment
            if not self.candidate:
                self.candidate, self.candidate_count = moment, 1
        if self.candidate and moment - self.candidate > SECOND and not self.stepped:
            self.anchor, self.count = self.candidate, self.candidate_count
            self.candidate = self.candidate_count = 0

    def resume(self) -> tuple[int, int]:
        """From which time on to ask, and how many frames of that to skip. A short log is simply read again."""
        return (0, self.total) if self.bytes < SHORT and not self.full else (self.anchor, self.count)


def read_position(path: Path) -> LogPosition:
    """The beginning, when there is none or it is torn: everything is read again then."""
    try:
        content = json.loads(path.read_text())
        return LogPosition(**{field.name: content[field.name] for field in fields(LogPosition)})
    except (OSError, ValueError, KeyError, TypeError):
        return LogPosition()


def nanoseconds(text: str) -> int:
    """Of an RFC 3339 time in UTC with up to nine digits after the point."""
    whole, _, fraction = text.rstrip("Z").partition(".")
    return _since_1970(whole) * SECOND + int(fraction.ljust(9, "0")[:9] or 0)


def gathered(stream: Iterable[bytes]) -> Iterator[bytes]:
    """All that has come meanwhile, at once: an engine sends each line on its own, and writing each costs far more."""
    waiting: queue.Queue[bytes | Exception] = queue.Queue(AHEAD)
    ended = threading.Event()
    threading.Thread(target=_read, args=(stream, waiting, ended), name="log-reader", daemon=True).start()
    try:
        while True:
            taken: list[bytes | Exception] = [waiting.get()]
            while len(taken) < AHEAD and isinstance(taken[-1], bytes) and not waiting.empty():
                taken.append(waiting.get())
            yield b"".join(each for each in taken if isinstance(each, bytes))
            if isinstance(taken[-1], StopIteration):
                return
            if isinstance(taken[-1], Exception):
                raise taken[-1]
    finally:
        ended.set()


def _read(stream: Iterable[bytes], waiting: "queue.Queue[bytes | Exception]", ended: threading.Event) -> None:
    """Puts what comes, and how it ended, for as long as somebody takes it."""
    try:
        for piece in stream:
            if not _put(piece, waiting, ended):
                return
        last: Exception = StopIteration()
    except Exception as error:  # for whoever takes
        last = error
    _put(last, waiting, ended)


def _put(each: bytes | Exception, waiting: "queue.Queue[bytes | Exception]", ended: threading.Event) -> bool:
    while not ended.is_set():
        try:
            waiting.put(each, timeout=0.5)
        except queue.Full:
            continue
        return True
    return False


def frames(pieces: Iterator[bytes]) -> Iterator[list[LogFrame]]:
    """What each piece completes. Eight bytes of header, then time, space, text and mostly a line end."""
    rest = b""
    for piece in pieces:
        rest += piece
        found, at = [], 0
        if len(rest) >= 8 and (rest[0] > BROKEN or rest[1:4] != b"\0\0\0"):
            raise OSError("the engine's log is not in frames")
        while len(rest) - at >= 8 and len(rest) - at - 8 >= (size := int.from_bytes(rest[at + 4 : at + 8], "big")):
            found.append(_frame(rest[at], rest[at + 8 : at + 8 + size]))
            at += 8 + size
        rest = rest[at:]
        if found:
            yield found


def _frame(stream: int, content: bytes) -> LogFrame:
    """One without a time that can be read is of the time of its neighbours: 0."""
    moment, _, text = content.partition(b" ")
    try:
        time = 0 if stream == BROKEN else nanoseconds(moment.decode())
    except (ValueError, OverflowError):
        time = 0
    text = text if time else content
    whole = text.endswith(b"\n")
    return LogFrame(time, STREAMS.get(stream, "W" if stream == BROKEN else "O"), text[:-1] if whole else text, whole)


class Writer:
    """`log` and `log.position`, held by one follower at a time (a lock on the file)."""

    def __init__(self, directory: Path, cap: int, run: Path | None = None) -> None:
        """`run` is the directory of the run whose secrets are hidden, if that is another one."""
        self.cap = cap
        self._log = os.open(directory / "log", os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        self._position = os.open(directory / "log.position", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        self._path = directory / "log.position"
        self.position = LogPosition()
        self._skip = 0
        self._masker = of_run(run or directory)

    def lock(self) -> bool:
        """False while another follower still writes. The position is that of the moment the lock was won."""
        try:
            fcntl.flock(self._log, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        self.position = read_position(self._path)
        if os.fstat(self._log).st_size != self.position.bytes:
            if os.fstat(self._log).st_size < self.position.bytes:
                self.position = LogPosition()  # somebody cut it: begin again
            os.ftruncate(self._log, self.position.bytes)
        return True

    def close(self) -> None:
        os.close(self._log)
        os.close(self._position)

    def resume(self) -> int:
        """The time from which on `add` must get every frame now; what is in the log already, it skips."""
        since, self._skip = self.position.resume()
        return since

    def add(self, found: list[LogFrame]) -> None:
        """All or nothing: on a full disk the position stays where it was."""
        timed = [frame if frame.time else replace(frame, time=self.position.last) for frame in found]
        fresh = [frame for frame in timed if self._is_fresh(frame)]
        if not fresh:
            return
        before = replace(self.position)
        try:
            self._append(b"".join(line for frame in fresh for line in self._lines(frame)))
            self.note()
        except OSError:
            self.position = before
            os.ftruncate(self._log, before.bytes)
            raise

    def _is_fresh(self, frame: LogFrame) -> bool:
        if self._skip and frame.time <= self.position.last:
            self._skip -= 1
            return False
        self._skip = 0  # a newer one: what was to be skipped has been rotated away
        return True

    def _lines(self, frame: LogFrame) -> Iterator[bytes]:
        position = self.position
        position.seen(frame.time)
        continued = frame.stream in position.open
        position.open = position.open.replace(frame.stream, "") + ("" if frame.whole else frame.stream)
        if continued and frame.whole and not frame.text:
            return  # only the end of a line that is already there
        head, text = _head(frame), frame.text
        if self._masker:
            text = self._masker.mask(text, continued=continued, whole=frame.whole)
        for at in range(0, max(len(text), 1), logs.LONGEST):
            yield head + text[at : at + logs.LONGEST] + b"\n"

    def _append(self, text: bytes) -> None:
        position = self.position
        if position.full:
            return
        if position.bytes + len(text) >= self.cap:
            kept = text[: self.cap - position.bytes].rpartition(b"\n")
            text = kept[0] + kept[1]
            text += f"{logs.stamp()} W the log is full ({self.cap} bytes); what follows is not kept\n".encode()
            position.full = True
        while text:
            written = os.write(self._log, text)
            position.bytes += written
            text = text[written:]

    def remark(self, text: str) -> None:
        """A line of ours."""
        self._append(f"{logs.stamp()} W {text}\n".encode())
        self.note()

    def touch(self) -> None:
        os.utime(self._log)

    def note(self) -> None:
        """After the lines; always of one length, so that it is overwritten as a whole."""
        content = json.dumps(asdict(self.position)).encode()
        os.pwrite(self._position, content.ljust(POSITION_BYTES), 0)


def _head(frame: LogFrame) -> bytes:
    seconds, rest = divmod(frame.time, SECOND)
    return f"{_second(seconds)}.{rest // 1000:06d}Z {frame.stream} ".encode()


@lru_cache(64)
def _second(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))


@lru_cache(64)
def _since_1970(whole: str) -> int:
    return int(datetime.fromisoformat(whole).replace(tzinfo=UTC).timestamp())


class Follower:
    """A thread that keeps one container's log until the container has ended and everything is written."""

    def __init__(
        self,
        directory: Path,
        source: ContainerLogSource,
        cap: int,
        done: Callable[[], None],
        run: Path | None = None,
    ) -> None:
        self.directory, self.source, self.cap, self.done, self.run = directory, source, cap, done, run
        self.moved = time.monotonic()
        self._checked = 0.0
        self._stop = threading.Event()
        self._renewed = self._damaged = self._cut = False
        self._stream: Stream | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"log-{directory.name[:8]}", daemon=True)
        self._thread.start()

    @property
    def finished(self) -> bool:
        return self._over.is_set()

    @property
    def heard(self) -> float:
        """Up to when it is known what the container wrote, on the monotonic clock."""
        return max(self.moved, self._checked)

    def check(self, newest: Callable[[], int]) -> None:
        """Whether it has all lines so far, by the time of the newest; else the stream is opened anew."""
        try:
            moment = newest()
        except (OSError, LookupError, ValueError):
            return
        position = read_position(self.directory / "log.position")
        if moment <= position.last or position.full:
            self._checked = time.monotonic()
        else:
            self._open_anew()

    def renew(self) -> None:
        """The container has ended: what follows it may be a connection that is half open. Once."""
        if not self._renewed:
            self._renewed, self.moved = True, time.monotonic()
            self._open_anew()

    def _open_anew(self) -> None:
        """A stream that is closed looks to its reader as if the log ended there, so it is noted who ended it."""
        if (stream := self._stream) is not None:
            self._cut = True
            _close(stream)

    def give_up(self) -> None:
        """The rest does not come: the log is what it is, and says so."""
        self.end(1.0)
        try:
            writer = Writer(self.directory, self.cap, self.run)
        except OSError:
            return
        try:
            if writer.lock() and not writer.position.complete:
                writer.position.complete = True
                writer.remark("the engine did not give the rest of this log")
                self._over.set()
        except OSError:
            pass  # a full disk
        finally:
            writer.close()

    def end(self, wait: float = 5.0) -> None:
        """Stop writing; another follower may go on."""
        self._stop.set()
        if (stream := self._stream) is not None:
            _close(stream)
        self._thread.join(wait)

    def _run(self) -> None:
        try:
            writer = Writer(self.directory, self.cap, self.run)
        except OSError:
            return
        try:
            while not writer.lock():
                if self._stop.wait(0.05):
                    return
            self._follow(writer)
        finally:
            writer.close()
            if self.finished:
                self.done()

    def _follow(self, writer: Writer) -> None:
        while not self._stop.is_set() and not writer.position.complete:
            self._cut = False
            try:
                over = self.source.over()
                if not (over and writer.position.full):
                    self._copy(writer, follow=not over)
                writer.position.complete = over and not (self._stop.is_set() or self._cut)
                if not over:
                    self._stop.wait(0.02)
            except LookupError:
                break
            except Exception:  # whatever came: what was written stands, and it is asked for again
                self._stop.wait(RETRY)
        if not self._stop.is_set():
            writer.note()
            self._over.set()

    def _listen(self, writer: Writer, pieces: Iterator[bytes]) -> None:
        """Nothing is kept any more; that something was said still shows in the file's time."""
        for _ in pieces:
            writer.touch()
            self.moved = time.monotonic()
            if self._stop.is_set():
                return

    def _hurt(self, writer: Writer, found: list[LogFrame]) -> None:
        """Where the engine cannot read on, only what is still to come can be had."""
        said = [frame.text.decode(errors="replace") for frame in found if frame.stream == "W"]
        if said and not self._damaged:
            self._damaged = True
            writer.remark(f"the engine cannot read its log here, and lines may be missing: {said[0][:300]}")

    def _copy(self, writer: Writer, *, follow: bool) -> None:
        """From the position to the end of the stream."""
        since = writer.resume()
        fresh = self._damaged and follow
        stream = self._stream = self.source.logs(
            f"{since // SECOND}.{since % SECOND:09d}" if since else "0", follow, fresh=fresh
        )
        try:
            if self._stop.is_set():
                return
            pieces = gathered(stream)
            for found in frames(pieces):
                writer.add([frame for frame in found if frame.stream != "W"])
                self._hurt(writer, found)
                self.moved = time.monotonic()
                if self._stop.is_set():
                    return
                if writer.position.full:
                    self._listen(writer, pieces)
        finally:
            self._stream = None
            _close(stream)


def _close(stream: Stream) -> None:
    try:
        stream.close()
    except (OSError, AttributeError, ValueError):
        pass
