"""The small parent of one stage that runs as a process: it owns the log, ends the stage when asked, notes how it ended.

Forked by `runner.process.shim_server` with the DIRECTORY of a run, or run there by a job of a cluster; detached, so
that it outlives the controller. Only what it needs is imported (not `json`, and `_signal` without the enumerations
around it: together they take as long as an interpreter's start). In DIRECTORY it reads `order` and writes

    shim.json   its process id and start time and the stage's process id, before the stage runs; where that is there
                already, another shim has begun, or a controller has given this run up, and nothing begins
    log         every line of output, with time and stream
    exit.json   the exit code, once, durably

Where there is a file `lease` it ends the stage when that is over, whatever its controller does (`runner.lease_clock`).

SIGTERM to the shim, or `stop.json` there when it begins, means: end the stage, by TERM, and by KILL after the grace.
Whatever the stage leaves running ends with it, also what has left its process group.
"""

import _signal  # type: ignore[import-not-found]
import ctypes
import os
import select
import time
import types

TYPE_CHECKING = False  # `typing` takes as long as the rest together
if TYPE_CHECKING:
    from collections.abc import Callable

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
CLONE_NEWNS, MS_REC, MS_SLAVE = 0x20000, 0x4000, 0x80000
MS_BIND, MS_REMOUNT, MS_RDONLY = 0x1000, 0x20, 0x1
RLIMIT_CORE = 4
LONGEST = 16 * 1024
CLOCK = "WINSLOW_LEASE_CLOCK"
"""In its environment: where `runner.lease_clock` lies."""
DRAIN = 2.0
"""Seconds after the stage's end for its last output, should somebody else hold its pipes open."""
RETRY = 0.5


class ShimLog:
    """Lines with time and stream, until the cap. On a full disk whole lines are left out, and counted."""

    def __init__(self, path: str, cap: int) -> None:
        self.file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        self.cap, self.size = cap, os.fstat(self.file).st_size
        self.rest = {"O": b"", "E": b""}
        self.lost = 0

    def feed(self, stream: str, piece: bytes) -> None:
        if self.size >= self.cap:
            return
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
        now = _now()
        head = b"%s %s " % (now, stream.encode())
        parts = [b"%s W %d lines are missing: the disk was full\n" % (now, self.lost)] if self.lost else []
        for line in lines:
            parts += [head + line[at : at + LONGEST] + b"\n" for at in range(0, max(len(line), 1), LONGEST)]
        text, full = b"".join(parts), False
        if self.size + len(text) >= self.cap:
            kept, newline, _ = text[: self.cap - self.size].rpartition(b"\n")
            text = kept + newline + b"%s W the log is full (%d bytes); what follows is not kept\n" % (now, self.cap)
            full = True
        if not self._append(text):
            self.lost += len(lines)
            return
        self.lost, self.size = 0, self.cap if full else self.size + len(text)

    def _append(self, text: bytes) -> bool:
        """All or nothing. A full disk must not end the stage."""
        try:
            rest = text
            while rest:
                rest = rest[os.write(self.file, rest) :]
        except OSError:
            os.ftruncate(self.file, self.size)
            return False
        return True


def _now() -> bytes:
    seconds, nanoseconds = divmod(time.time_ns(), 1_000_000_000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)).encode() + b".%06dZ" % (nanoseconds // 1000)


def boot_id() -> str:
    with open("/proc/sys/kernel/random/boot_id") as file:
        return file.read().strip()


def status(pid: int) -> list[bytes]:
    """The fields of /proc/PID/stat from the state on: [0] state, [1] parent, [19] start in clock ticks since boot."""
    with open(f"/proc/{pid}/stat", "rb") as file:
        return file.read().rpartition(b")")[2].split()


def start_time(pid: int) -> int:
    """When a process started: with the pid, it names a process once and for all. OSError for one that has ended."""
    found = status(pid)
    if found[0] in (b"Z", b"X"):
        raise ProcessLookupError(pid)
    return int(found[19])


STOP_SIGNAL = "WINSLOW_STOP_SIGNAL"
GENTLE = {name: getattr(_signal, f"SIG{name}") for name in ("TERM", "INT", "HUP", "QUIT", "USR1", "USR2")}
"""What a stage may ask to be told to end by, before it is killed."""


class ShimOrder:
    """What to run where. `overlay` are mount options for the workspace, or nothing; with them `needs` is a folder that
    the stage can only read, or nothing.
    """

    def __init__(
        self,
        argv: list[str],
        environment: dict[str, str],
        workspace: str,
        overlay: str,
        grace: float,
        cap: int,
        needs: str = "",
    ) -> None:
        self.argv, self.environment, self.workspace, self.overlay = argv, environment, workspace, overlay
        self.grace, self.cap = grace, cap  # seconds between TERM and KILL, bytes of log
        self.needs = needs

    def pack(self) -> bytes:
        """ValueError for a NUL in it."""
        variables = [f"{name}={value}" for name, value in self.environment.items()]
        facts = [self.workspace, self.overlay, repr(self.grace), str(self.cap), self.needs, str(len(self.argv))]
        fields = [*facts, *self.argv, *variables]
        if any("\0" in field for field in fields):
            raise ValueError("there is a NUL byte in an argument or a variable, which no program can be given")
        return os.fsencode("\0".join(fields))


def unpack(order: bytes) -> ShimOrder:
    workspace, overlay, grace, cap, needs, count, *rest = os.fsdecode(order).split("\0")
    argv, variables = rest[: int(count)], rest[int(count) :]
    environment = dict(each.split("=", 1) for each in variables)
    return ShimOrder(argv, environment, workspace, overlay, float(grace), int(cap), needs)


def _json(content: dict[str, object]) -> str:
    """Of numbers, truth values and plain words."""
    return "{" + ", ".join(f'"{name}": {_literal(value)}' for name, value in content.items()) + "}"


def _literal(value: object) -> str:
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    return repr(value) if isinstance(value, int | float) else f'"{value}"'


def note(directory: str, name: str, content: dict[str, object]) -> None:
    """A small file, whole or not at all, which is there after a power cut too."""
    path = os.path.join(directory, name)
    with open(os.open(path + ".part", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(_json(content))
        file.flush()
        os.fsync(file.fileno())
    os.rename(path + ".part", path)
    folder = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    os.fsync(folder)
    os.close(folder)


def first(directory: str, content: dict[str, object]) -> bool:
    """Write `shim.json`, unless it is there: of all that try, one alone does. OSError for a full disk and the like.

    It need not outlast a power cut, which ends the shim as well.
    """
    part = os.path.join(directory, f"shim.{os.getpid()}.part")
    with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(_json(content))
    try:
        os.link(part, os.path.join(directory, "shim.json"))
    except FileExistsError:
        return False
    finally:
        os.unlink(part)
    return True


def descendants() -> list[int]:
    """Every process below this one. As the subreaper it is the parent of all that lost theirs."""
    parents: dict[int, int] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                found = status(int(entry))
            except OSError:
                continue
            if found[0] not in (b"Z", b"X"):
                parents[int(entry)] = int(found[1])
    family = {os.getpid()}
    while more := {pid for pid, parent in parents.items() if parent in family} - family:
        family |= more
    return list(family - {os.getpid()})


def enter_overlay(libc: ctypes.CDLL, options: str, target: str) -> None:
    """Mount an overlay that only this thread and its children see; it goes when the last of them ends. OSError."""
    _call(libc, "unshare", CLONE_NEWNS)
    _call(libc, "mount", None, b"/", None, MS_REC | MS_SLAVE, None)
    _call(libc, "mount", b"overlay", os.fsencode(target), b"overlay", 0, os.fsencode(options))


def protect(libc: ctypes.CDLL, folder: str) -> None:
    """Let this thread and its children, in their own mounts, only read a folder. OSError."""
    path = os.fsencode(folder)
    _call(libc, "mount", path, path, None, MS_BIND, None)
    _call(libc, "mount", None, path, None, MS_BIND | MS_REMOUNT | MS_RDONLY, None)


def _call(libc: ctypes.CDLL, name: str, *arguments: object) -> None:
    if getattr(libc, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name} of the workspace: {os.strerror(number)}")


class StageProcess:
    """The stage's process, from its fork to its last output."""

    def __init__(self, order: ShimOrder, log: ShimLog, libc: ctypes.CDLL) -> None:
        self.grace, self.log = order.grace, log
        self.gentle = GENTLE.get(order.environment.get(STOP_SIGNAL, ""), _signal.SIGTERM)
        self.asked: float | None = None
        self.deadline: float | None = None
        self.told = self.killed = self.alone = self.lapsed = False
        self.code: int | None = None
        self.ended = 0.0
        out, out_write = os.pipe()
        err, err_write = os.pipe()
        gate, self._gate = os.pipe()
        self.pid = launch(order, (gate, out_write, err_write), libc)
        self.streams = {out: "O", err: "E"}
        for end in (gate, out_write, err_write):
            os.close(end)

    def release(self) -> None:
        """Until now it has waited."""
        os.write(self._gate, b"!")
        os.close(self._gate)

    def cancel(self) -> None:
        """It is not to begin at all."""
        os.kill(self.pid, _signal.SIGKILL)

    def ask(self) -> None:
        """TERM now, KILL after the grace, which whoever asks once more does not prolong."""
        self.asked = time.monotonic() if self.asked is None else self.asked

    def lapse(self, deadline: float) -> None:
        """TERM now, KILL at that time since boot at the latest, whoever asks once more and however long it slept."""
        self.ask()
        self.deadline, self.lapsed = deadline, True

    def watch(self, wake: int, lease: "StageLease | None") -> int:
        """Until it has ended and its output is read. Its exit code; a signal counts as 128 + number."""
        poll = select.poll()
        for stream in (*self.streams, wake, *([lease.alarm.fd] if lease else ())):
            poll.register(stream, select.POLLIN)
        while self.code is None or (self.streams and time.monotonic() < self.ended + DRAIN):
            for stream, _ in poll.poll(self._patience()):
                if stream == wake:
                    os.read(wake, 512)
                elif lease and stream == lease.alarm.fd:
                    self._rung(lease)
                elif piece := os.read(stream, 65536):
                    self.log.feed(self.streams[stream], piece)
                else:
                    poll.unregister(stream)
                    del self.streams[stream]
            self._reap()
            self._press()
        while not self.alone and time.monotonic() < self.ended + DRAIN:
            self._press()
            time.sleep(0.005)
            self._reap()
        return self.code

    def _rung(self, lease: "StageLease") -> None:
        """The alarm is set twice: to the end of the lease, and then to when the stage is to be killed."""
        if self.lapsed:
            lease.alarm.rang()
        elif lease.over():
            self.lapse(lease.deadline)
            lease.alarm.set(lease.deadline)

    def _patience(self) -> int | None:
        """Milliseconds until something is to be done without being woken."""
        if self.code is not None:
            return 50
        if self.asked is None:
            return None
        return int(RETRY * 1000) if self.killed else max(int(self._until_killed(self.asked) * 1000) + 1, 0)

    def _until_killed(self, asked: float) -> float:
        """Seconds; the deadline's clock goes on in suspend, the other one does not."""
        left = asked + self.grace - time.monotonic()
        return left if self.deadline is None else min(left, self.deadline - time.clock_gettime(time.CLOCK_BOOTTIME))

    def _press(self) -> None:
        if self.code is not None:
            if not self.alone:
                self._kill_all()
        elif self.asked is not None:
            if not self.told:
                self.told = True
                _signal_group(self.pid, self.gentle)
            if self._until_killed(self.asked) <= 0:
                self.killed = True
                self._kill_all()

    def _kill_all(self) -> None:
        for pid in descendants():
            try:
                os.kill(pid, _signal.SIGKILL)
            except OSError:
                pass

    def _reap(self) -> None:
        while True:
            try:
                found, how = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                self.alone = True
                return
            if found == 0:
                return
            if found == self.pid:
                code = os.waitstatus_to_exitcode(how)
                self.code, self.ended = (128 - code if code < 0 else code), time.monotonic()


class StageLease:
    """Until when the stage may run, as the file in its directory says. `clock` is the module `runner.lease_clock`."""

    def __init__(self, directory: str, clock: types.ModuleType) -> None:
        self.directory, self.clock = directory, clock
        self.alarm = clock.Alarm()
        self.deadline = 0.0

    def over(self) -> bool:
        """Whether its time is; if not, the alarm is set to it. `deadline`: when the stage is to be killed."""
        self.alarm.rang()
        found = self.clock.look(self.directory)
        if found and not found.over and self.clock.now() < found.at:
            self.alarm.set(found.at)
            return False
        self.deadline = found.at + found.kill_within if found else 0.0
        self.clock.end(self.directory)
        return True


def lease_of(directory: str) -> "StageLease | None":
    """Loaded by path: this program finds no modules but Python's own."""
    if not os.path.exists(os.path.join(directory, "lease")):
        return None
    clock = types.ModuleType("lease_clock")
    with open(os.environ[CLOCK]) as file:
        exec(compile(file.read(), os.environ[CLOCK], "exec"), clock.__dict__)
    return StageLease(directory, clock)


def launch(order: ShimOrder, pipes: tuple[int, int, int], libc: ctypes.CDLL) -> int:
    """Fork the stage into its own process group; it waits at the gate, and dies with its shim.

    Exit code 127 when it cannot be run.
    """
    gate, out, err = pipes
    shim = os.getpid()
    _signal.pthread_sigmask(_signal.SIG_BLOCK, (_signal.SIGTERM,))  # none may be lost between fork and exec
    pid = os.fork()
    if pid:
        _join_group(pid)
        _signal.pthread_sigmask(_signal.SIG_UNBLOCK, (_signal.SIGTERM,))
        return pid
    argv = order.argv
    try:
        libc.prctl(PR_SET_PDEATHSIG, _signal.SIGKILL, 0, 0, 0)
        _join_group(0)
        if os.getppid() != shim or not os.read(gate, 1):
            os._exit(137)
        os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
        os.dup2(out, 1)
        os.dup2(err, 2)
        os.closerange(3, 256)
        for number in (_signal.SIGTERM, _signal.SIGINT, _signal.SIGHUP, _signal.SIGPIPE, _signal.SIGXFSZ):
            _signal.signal(number, _signal.SIG_DFL)
        _signal.pthread_sigmask(_signal.SIG_UNBLOCK, (_signal.SIGTERM,))
        os.chdir(order.workspace)
        os.execvpe(argv[0], argv, order.environment)
    except OSError as error:
        os.write(2, f"cannot run {argv[0]}: {error.strerror}\n".encode())
    os._exit(127)


def run(
    directory: str, given: dict[str, str] | None = None, more: "Callable[[], dict[str, object]] | None" = None
) -> None:
    """`given` is added to the stage's environment, and what `more` says at its end to what is noted of that."""
    with open(os.path.join(directory, "order"), "rb") as file:
        order = unpack(file.read())
    order.environment.update(given or {})
    libc = ctypes.CDLL(None, use_errno=True)
    if order.overlay:
        enter_overlay(libc, order.overlay, order.workspace)
        if order.needs:
            protect(libc, order.needs)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    libc.setrlimit(RLIMIT_CORE, (ctypes.c_ulong * 2)(0, 0))  # a dump would be taken for a result
    asked: list[float] = []
    wake, wake_write = os.pipe()
    os.set_blocking(wake_write, False)
    _signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
    _signal.pthread_sigmask(_signal.SIG_SETMASK, ())
    for number in (_signal.SIGHUP, _signal.SIGINT):
        _signal.signal(number, _signal.SIG_IGN)
    _signal.signal(_signal.SIGCHLD, lambda *_: None)

    def end(*_: object) -> None:
        asked.append(time.monotonic())
        if stage is not None:
            stage.ask()

    stage: StageProcess | None = None
    _signal.signal(_signal.SIGTERM, end)
    log = ShimLog(os.path.join(directory, "log"), order.cap)
    lease = lease_of(directory)
    stage = StageProcess(order, log, libc)
    if not first(directory, _facts(stage.pid)):
        stage.cancel()
        return
    if asked or os.path.exists(os.path.join(directory, "stop.json")):
        end()
    if lease and lease.over():
        stage.lapse(0.0)
        stage.cancel()
    else:
        stage.release()
    code = stage.watch(wake, lease)
    log.close()
    end_facts = {"code": code, "stopped": stage.told, "asked": bool(asked), "lapsed": stage.lapsed}
    _note_end(directory, {**end_facts, **(more() if more else {})})


def _facts(stage: int) -> dict[str, object]:
    me, started = os.getpid(), time.clock_gettime(time.CLOCK_BOOTTIME)
    return {"pid": me, "start": start_time(me), "stage": stage, "boot": boot_id(), "started": started}


def _note_end(directory: str, content: dict[str, object]) -> None:
    """On a full disk it waits for room: an end that is not noted would be lost."""
    while True:
        try:
            note(directory, "exit.json", content)
            break
        except OSError:
            if not os.path.isdir(directory):
                break
            time.sleep(RETRY)


def _join_group(pid: int) -> None:
    """Both sides of a fork do it, so that it is done for either of them."""
    try:
        os.setpgid(pid, pid)
    except OSError:  # the other side was first
        pass


def _signal_group(group: int, number: int) -> None:
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        pass
