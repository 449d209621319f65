"""The small parent of one stage that runs as a process: it owns the log, ends the stage when asked, notes how it ended.

Started as `python -I -S shim.py DIRECTORY`, detached, so that it outlives the controller. Only what it needs is
imported: it is the first thing every stage waits for. In DIRECTORY it reads `order.json` and writes

    shim.json   its process id and start time, and the stage's, before the stage runs
    log         every line of output, with time and stream
    exit.json   the exit code, once

SIGTERM to the shim means: end the stage, by TERM, and by KILL after the grace.
"""

import ctypes
import json
import os
import select
import signal
import sys
import time

PR_SET_CHILD_SUBREAPER = 36
LONGEST = 16 * 1024


class Log:
    """Lines with time and stream, until the cap."""

    def __init__(self, path: str, cap: int) -> None:
        self.file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        self.cap, self.size = cap, os.fstat(self.file).st_size
        self.rest = {"O": b"", "E": b""}

    def feed(self, stream: str, piece: bytes) -> None:
        *lines, rest = (self.rest[stream] + piece).split(b"\n")
        while len(rest) > LONGEST:
            lines.append(rest[:LONGEST])
            rest = rest[LONGEST:]
        self.rest[stream] = rest
        self.write(stream, lines)

    def close(self) -> None:
        for stream, rest in self.rest.items():
            if rest:
                self.write(stream, [rest])

    def write(self, stream: str, lines: list[bytes]) -> None:
        if not lines or self.size >= self.cap:
            return
        head = b"%s %s " % (_now(), stream.encode())
        parts = []
        for line in lines:
            while len(line) > LONGEST:
                parts.append(head + line[:LONGEST] + b"\n")
                line = line[LONGEST:]
            parts.append(head + line + b"\n")
        text = b"".join(parts)
        if self.size + len(text) >= self.cap:
            text = text[: self.cap - self.size].rpartition(b"\n")[0]
            text += b"\n%s W the log is full (%d bytes); what follows is not kept\n" % (_now(), self.cap)
            self.size = self.cap
        self.size += len(text)
        try:
            os.write(self.file, text)
        except OSError:  # a full disk must not end the stage
            pass


def _now() -> bytes:
    seconds, nanoseconds = divmod(time.time_ns(), 1_000_000_000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)).encode() + b".%06dZ" % (nanoseconds // 1000)


def start_time(pid: int) -> int:
    """Clock ticks since boot at which a process started: with the pid, it names a process once and for all."""
    with open(f"/proc/{pid}/stat", "rb") as file:
        return int(file.read().rpartition(b")")[2].split()[19])


def note(directory: str, name: str, content: dict[str, object]) -> None:
    path = os.path.join(directory, name)
    with open(path + ".part", "w") as file:
        json.dump(content, file)
        file.flush()
        os.fsync(file.fileno())
    os.rename(path + ".part", path)


def launch(order: dict[str, object], out: int, err: int) -> int:
    """Fork the stage into its own process group. Exit code 127 when its program is not there."""
    pid = os.fork()
    if pid:
        return pid
    argv, environment = order["argv"], order["environment"]
    assert isinstance(argv, list)
    assert isinstance(environment, dict)
    try:
        os.setpgid(0, 0)
        os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
        os.dup2(out, 1)
        os.dup2(err, 2)
        os.closerange(3, 256)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGPIPE):
            signal.signal(number, signal.SIG_DFL)
        os.chdir(str(order["workspace"]))
        os.execvpe(argv[0], argv, environment)
    except OSError as error:
        os.write(2, f"cannot run {argv[0]}: {error.strerror}\n".encode())
    os._exit(127)


def run(directory: str) -> None:
    with open(os.path.join(directory, "order.json")) as file:
        order = json.load(file)
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    stopping: list[float] = []
    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_write, False)
    signal.set_wakeup_fd(wake_write)
    signal.signal(signal.SIGTERM, lambda *_: stopping.append(time.monotonic()))
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    out_read, out_write = os.pipe()
    err_read, err_write = os.pipe()
    log = Log(os.path.join(directory, "log"), order["cap"])
    pid = launch(order, out_write, err_write)
    os.close(out_write)
    os.close(err_write)
    note(
        directory,
        "shim.json",
        {
            "pid": os.getpid(),
            "start": start_time(os.getpid()),
            "stage": pid,
            "boot": order["boot"],
            "started": time.clock_gettime(time.CLOCK_BOOTTIME),
        },
    )
    code = watch(pid, {out_read: "O", err_read: "E"}, wake_read, log, stopping, order["grace"])
    log.close()
    note(directory, "exit.json", {"code": code, "stopped": bool(stopping)})


def watch(pid: int, streams: dict[int, str], wake: int, log: Log, stopping: list[float], grace: float) -> int:
    """Until the stage has ended and its output is read. Its exit code; a signal counts as 128 + number."""
    open_streams = set(streams)
    code: int | None = None
    told = killed = False
    ended_at: float | None = None
    while code is None or open_streams:
        ready, _, _ = select.select([*open_streams, wake], [], [], 0.5)
        for stream in ready:
            if stream == wake:
                os.read(wake, 512)
                continue
            piece = os.read(stream, 65536)
            if piece:
                log.feed(streams[stream], piece)
            else:
                open_streams.discard(stream)
        if stopping and not told:
            told = _signal(pid, signal.SIGTERM)
        if stopping and not killed and time.monotonic() - stopping[0] > grace:
            killed = _signal(pid, signal.SIGKILL)
        code = _reap(pid) if code is None else code
        if code is not None:
            ended_at = ended_at or time.monotonic()
            _signal(pid, signal.SIGKILL)  # what it left running in its group ends with it
            if time.monotonic() - ended_at > 2:
                break
    _signal(pid, signal.SIGKILL)
    return 255 if code is None else code


def _reap(pid: int) -> int | None:
    code: int | None = None
    while True:
        try:
            found, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return code
        if found == 0:
            return code
        if found == pid:
            code = os.waitstatus_to_exitcode(status)
            code = 128 - code if code < 0 else code


def _signal(group: int, number: int) -> bool:
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        pass
    return True


if __name__ == "__main__":
    run(sys.argv[1])
