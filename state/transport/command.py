"""The git program, with nothing left to chance: fixed arguments, a clean environment, an end in any case.

User text reaches it only as a URL that `urls.check` has passed, behind `--`. The child has its own process group, which
is killed when the time is over (git's own limits do not fire while it connects) or when it talks too much.
"""

import os
import selectors
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from state.contract.errors import StateError
from state.transport import credentials
from state.transport.server_answers import retry_after

KEPT = (
    "PATH", "HOME", "SSH_AUTH_SOCK", "TMPDIR", "USER", "LOGNAME", "XDG_CONFIG_HOME", "SUDO_UID", "SSL_CERT_FILE",
    credentials.TOKEN,
)  # fmt: skip
FIXED = {
    "LC_ALL": "C.UTF-8",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "true",
    "SSH_ASKPASS": "true",
    "GIT_ALLOW_PROTOCOL": "file:http:https:ssh",
    "GIT_PROTOCOL_FROM_USER": "0",
    "GIT_OPTIONAL_LOCKS": "0",
}
SETTINGS = (
    "-c", "core.hooksPath=/dev/null", "-c", "protocol.ext.allow=never", "-c", "gc.auto=0",
    "-c", "maintenance.auto=false", "-c", "core.fsmonitor=false", "-c", "fetch.recurseSubmodules=false",
    "-c", "submodule.recurse=false", "-c", "push.recurseSubmodules=no", "-c", "push.gpgSign=false",
    "-c", "pack.threads=1", "-c", "push.followTags=false", "-c", "push.pushOption=", "-c", "fetch.prune=false",
    "-c", "http.lowSpeedLimit=1", "-c", "http.lowSpeedTime=30",
)  # fmt: skip
MOST_OUTPUT = 16 * 1024 * 1024
_LINGER = 0.5
"""Seconds that output is waited for after the program has ended: something it left behind may hold the pipe open."""


class TimedOut(StateError):
    """The program was ended because its time was over. What it was doing may or may not have happened."""


@dataclass(frozen=True, slots=True)
class Done:
    code: int
    out: str
    err: str
    retry_after: float | None = None  # seconds, where a server over http asked for them


def environment() -> dict[str, str]:
    return {**{name: os.environ[name] for name in KEPT if name in os.environ}, **FIXED, **credentials.environment()}


def git(arguments: Sequence[str], *, folder: Path, timeout: float, url: str = "") -> Done:
    """Run it in a bare repository. TimedOut after `timeout` seconds; StateError where git is not installed.

    `url` is the server that the arguments name: it is told who we are, git's complaints are cleared of its password.
    """
    with _traced(url) as trace:
        child = subprocess.Popen(
            [program(), *SETTINGS, *credentials.settings(url), "--git-dir", str(folder), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment() | trace.environment,
            cwd="/",
            start_new_session=True,
            pass_fds=trace.handles,
        )
        try:
            out, err = _collect(child, time.monotonic() + timeout)
        except _TooLong:
            raise TimedOut(f"git {arguments[0]} took longer than {timeout:g} s") from None
        finally:
            _end(child)
        said = credentials.without_secrets(err.decode(errors="replace"), url)
        rest = retry_after(trace.read()) if child.returncode else None
    return Done(child.returncode, out.decode(errors="replace"), said, rest)


@dataclass(frozen=True, slots=True)
class _Trace:
    """Where curl writes the headers that it was sent: git tells nobody when a server wants to be asked again."""

    handles: tuple[int, ...] = ()

    @property
    def environment(self) -> dict[str, str]:
        if not self.handles:
            return {}
        return {"GIT_TRACE_CURL": f"/proc/self/fd/{self.handles[0]}", "GIT_TRACE_CURL_NO_DATA": "1"}

    def read(self) -> bytes:
        return os.pread(self.handles[0], MOST_OUTPUT, 0) if self.handles else b""


@contextmanager
def _traced(url: str) -> Iterator[_Trace]:
    """In memory, and only over http."""
    if not url.startswith("http"):
        yield _Trace()
        return
    handle = os.memfd_create("git-trace")
    try:
        yield _Trace((handle,))
    finally:
        os.close(handle)


@lru_cache(1)
def program() -> str:
    found = shutil.which("git")
    if found is None:
        raise StateError("git is not installed; `apt-get install git`")
    return found


class _TooLong(Exception):
    pass


def _collect(child: "subprocess.Popen[bytes]", deadline: float) -> tuple[bytes, bytes]:
    """What it writes until it ends."""
    assert child.stdout is not None
    assert child.stderr is not None
    found = {child.stdout: bytearray(), child.stderr: bytearray()}
    with selectors.DefaultSelector() as ready:
        for pipe in found:
            ready.register(pipe, selectors.EVENT_READ)
        while ready.get_map():
            left = deadline - time.monotonic()
            if left <= 0:
                raise _TooLong
            ended = child.poll() is not None  # looked at first: what it wrote before its end is in the pipes then
            events = ready.select(min(left, _LINGER))
            if not events and ended:
                break
            for key, _ in events:
                piece = os.read(key.fd, 65_536)
                pipe = child.stdout if key.fileobj is child.stdout else child.stderr
                found[pipe] += piece
                if not piece:
                    ready.unregister(pipe)
                if len(found[pipe]) > MOST_OUTPUT:
                    raise StateError("git wrote more than is sensible, and was ended")
    _wait(child, deadline)
    return bytes(found[child.stdout]), bytes(found[child.stderr])


def _wait(child: "subprocess.Popen[bytes]", deadline: float) -> None:
    try:
        child.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        raise _TooLong from None


def _end(child: "subprocess.Popen[bytes]") -> None:
    """The whole group, if the program has not ended by itself; the pipes in any case."""
    if child.returncode is None:
        try:
            os.killpg(child.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        child.wait()
    for pipe in (child.stdout, child.stderr):
        if pipe is not None:
            pipe.close()
