"""Until when an exclusive stage may run, in a file that outlives its controller, and a clock that goes on in suspend.

The controller writes the file anew with each sign of life that it sees in the repository; whoever watches the stage
looks at it when the time has come. It is changed in place, so that a full disk ends nothing. It has one line: the time
in seconds since boot, twice, so that half a write is noticed; the seconds from TERM to KILL; and whether it is over.
What is over stays over.

The shim of a process loads this file alone, by its path: it imports nothing of Winslow.
"""

import ctypes
import os
import struct
import time

NAME = "lease"
TIMES, REST = "%020.6f %020.6f", " %012.3f %s\n"
LIVE, OVER = "live", "over"
AT_STATE = 20 + 1 + 20 + 1 + 12 + 1
CLOCK_BOOTTIME = 7
TFD_NONBLOCK, TFD_CLOEXEC, TFD_TIMER_ABSTIME = 0o4000, 0o2000000, 1


class Until:
    """A time in seconds since boot, how long a stage has to end then, and whether its watchdog found it to be over."""

    __slots__ = ("at", "kill_within", "over")

    def __init__(self, at: float, kill_within: float, over: bool) -> None:
        self.at, self.kill_within, self.over = at, kill_within, over


def now() -> float:
    return time.clock_gettime(CLOCK_BOOTTIME)


def begin(directory: str, until: float, kill_within: float) -> None:
    """OSError on a full disk."""
    path = os.path.join(directory, NAME)
    with open(os.open(path + ".part", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(TIMES % (until, until) + REST % (kill_within, LIVE))
        file.flush()
        os.fsync(file.fileno())
    os.rename(path + ".part", path)


def look(directory: str) -> "Until | None":
    """None where there is none, or none any more. What cannot be read is over."""
    for _ in range(20):
        try:
            with open(os.path.join(directory, NAME)) as file:
                first, second, kill_within, state = file.read(256).split()
            if first == second:
                return Until(float(first), float(kill_within), state != LIVE)
        except FileNotFoundError:
            return None
        except ValueError:
            pass
        time.sleep(0.005)
    return Until(0.0, 0.0, True)


def renew(directory: str, until: float) -> None:
    """Only while it lasts."""
    found = look(directory)
    if found is None or found.over or now() >= found.at or until <= found.at:
        return
    _change(directory, 0, TIMES % (until, until))


def end(directory: str) -> None:
    """Say for good that it is over."""
    _change(directory, AT_STATE, OVER)


def remove(directory: str) -> None:
    try:
        os.unlink(os.path.join(directory, NAME))
    except FileNotFoundError:
        pass


def _change(directory: str, at: int, text: str) -> None:
    try:
        file = os.open(os.path.join(directory, NAME), os.O_WRONLY)
    except FileNotFoundError:
        return
    try:
        os.pwrite(file, text.encode(), at)
    finally:
        os.close(file)


class Alarm:
    """A descriptor that is readable from a time on, by a clock that counts the time in which the machine slept."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self.fd = self._libc.timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC)
        if self.fd < 0:
            raise OSError(ctypes.get_errno(), "this system has no timers that count suspended time")

    def set(self, at: float) -> None:
        seconds = max(at, 0.000001)
        whole = int(seconds)
        value = struct.pack("qqqq", 0, 0, whole, int((seconds - whole) * 1e9) + (whole == 0))
        if self._libc.timerfd_settime(self.fd, TFD_TIMER_ABSTIME, value, None) != 0:
            raise OSError(ctypes.get_errno(), "the watchdog's timer cannot be set")

    def rang(self) -> bool:
        """Whether it has, since it was set or asked last."""
        try:
            return bool(os.read(self.fd, 8))
        except BlockingIOError:
            return False
