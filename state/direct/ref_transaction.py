"""Moving refs by git's own transactions, in one `git update-ref --stdin` that stays.

Git takes the locks of all refs, compares what they hold with what they are expected to hold, and moves all or none.
The answer to each step is waited for, so that it is known at each moment what may have happened.
"""

import os
import selectors
import signal
import subprocess
import threading
import time
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from state.contract.errors import StateError
from state.transport.command import SETTINGS, environment, program

ZERO = "0" * 40
TIMEOUT = 30.0
"""Seconds for each step: git locks a file and writes a line."""
LINGER = 2.0
"""Seconds that git gets to take its locks back."""
STALE = (" but expected ", "reference already exists")
"""What git says, in the C locale, of a ref that holds something else than was expected."""
MOST_SAID = 64 * 1024


@dataclass(frozen=True, slots=True)
class RefMove:
    """One ref: from where it was seen (None: it must not exist) to an object."""

    ref: str
    expected: str | None
    oid: str

    @property
    def words(self) -> str:
        return f"update {self.ref} {self.oid} {self.expected or ZERO}\n"


@dataclass(frozen=True, slots=True)
class RefsMoved:
    """All of them, and git said so."""


@dataclass(frozen=True, slots=True)
class RefsStale:
    """None moved: one holds something else than was expected."""

    text: str


@dataclass(frozen=True, slots=True)
class RefsUntouched:
    """None moved, for another reason."""

    text: str


@dataclass(frozen=True, slots=True)
class RefsDoubtful:
    """They may have moved."""

    text: str


RefsOutcome = RefsMoved | RefsStale | RefsUntouched | RefsDoubtful


class _Silent(Exception):
    """No answer, or the end of the program; the text is what it said on its way."""


class RefTransactions:
    """For threads. The program is started when it is first needed, and anew when `mark` is another one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        self._child: _Child | None = None
        self._mark: object = None

    def move(self, moves: Sequence[RefMove], mark: object = None) -> RefsOutcome:
        with self._lock:
            try:
                child = self._running(mark)
            except (OSError, StateError) as error:
                return RefsUntouched(str(error))
            try:
                child.ask("start\n", "start: ok")
                child.ask("".join(move.words for move in moves) + "prepare\n", "prepare: ok")
            except _Silent as silent:
                self._end()  # with it what it holds: nothing was committed
                stale = any(words in str(silent) for words in STALE)
                return RefsStale(str(silent)) if stale else RefsUntouched(str(silent))
            held = _locks(self.folder, moves)
            try:
                child.ask("commit\n", "commit: ok")
            except _Silent as silent:
                self._end()
                if child.has_ended:
                    _take_back(held)
                return RefsDoubtful(str(silent) or "git ended while it moved refs")
            return RefsMoved()

    def close(self) -> None:
        with self._lock:
            self._end()

    def _running(self, mark: object) -> "_Child":
        if self._child is not None and (mark != self._mark or self._child.has_ended):
            self._end()
        if self._child is None:
            self._child, self._mark = _Child(self.folder), mark
        return self._child

    def _end(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            child.close()


class _Child:
    def __init__(self, folder: Path) -> None:
        self._process = subprocess.Popen(
            [program(), *SETTINGS, "--git-dir", str(folder), "update-ref", "--stdin"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            env=environment(),
            cwd="/",
            start_new_session=True,
        )
        self._said = b""
        self.close = weakref.finalize(self, _end, self._process)
        """Also at the end of this process, and when nobody knows this any more."""

    @property
    def has_ended(self) -> bool:
        return self._process.poll() is not None

    def ask(self, words: str, answer: str) -> None:
        """_Silent where another answer comes, or none."""
        assert self._process.stdin is not None
        try:
            os.write(self._process.stdin.fileno(), words.encode())
            said = self._line(time.monotonic() + TIMEOUT)
        except OSError as error:
            raise _Silent(self._complaint() or str(error)) from None
        if said != answer:
            raise _Silent(self._complaint() or said or "git update-ref ended without a word")

    def _line(self, deadline: float) -> str:
        assert self._process.stdout is not None
        with selectors.DefaultSelector() as ready:
            ready.register(self._process.stdout, selectors.EVENT_READ)
            while b"\n" not in self._said:
                if not ready.select(max(0.0, deadline - time.monotonic())):
                    raise _Silent(f"git update-ref took longer than {TIMEOUT:g} s")
                piece = os.read(self._process.stdout.fileno(), 4096)
                if not piece or len(self._said) > MOST_SAID:
                    return ""
                self._said += piece
        line, _, self._said = self._said.partition(b"\n")
        return line.decode(errors="replace")

    def _complaint(self) -> str:
        """What it said before it ended, if it has."""
        assert self._process.stderr is not None
        try:
            self._process.wait(LINGER)
        except subprocess.TimeoutExpired:
            return ""
        os.set_blocking(self._process.stderr.fileno(), False)
        try:
            return os.read(self._process.stderr.fileno(), MOST_SAID).decode(errors="replace").strip()
        except BlockingIOError:
            return ""


LockFile = tuple[Path, tuple[int, int, int]]
"""Where it lies; device, inode and the time of its content say whether it is still the same."""


def _locks(folder: Path, moves: Sequence[RefMove]) -> list[LockFile]:
    """Of a git that has just said that it holds them all."""
    return [(path, stamp) for move in moves if (stamp := _stamp(path := folder / f"{move.ref}.lock"))]


def _take_back(held: Sequence[LockFile]) -> None:
    """What a git left that has ended, as one that was killed does. While such a file is there, nobody has the lock:
    the same one is nobody's now.
    """
    for path, stamp in held:
        if _stamp(path) == stamp:
            path.unlink(missing_ok=True)


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        there = path.lstat()
    except OSError:
        return None
    return there.st_dev, there.st_ino, there.st_mtime_ns


def _end(process: "subprocess.Popen[bytes]") -> None:
    """By the end of its input, then by TERM: git takes its locks back at both. KILL leaves them to whoever tidies."""
    assert process.stdin is not None
    process.stdin.close()
    for number in (None, signal.SIGTERM, signal.SIGKILL):
        if number is not None:
            process.send_signal(number)
        try:
            process.wait(LINGER)
            break
        except subprocess.TimeoutExpired:
            continue
    for pipe in (process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()
