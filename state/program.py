"""The git program, with nothing left to chance: fixed arguments, a clean environment, an end in any case.

User text reaches it only as a URL that `urls.check` has passed, behind `--`. The child has its own process group, which
is killed when the time is over: git's own limits do not fire while it connects.
"""

import os
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from state.errors import StateError

KEPT = ("PATH", "HOME", "SSH_AUTH_SOCK", "LANG", "TMPDIR", "USER", "LOGNAME", "XDG_CONFIG_HOME", "SSL_CERT_FILE")
FIXED = {
    "LC_ALL": "C.UTF-8",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "true",
    "SSH_ASKPASS": "true",
    "GIT_SSH_COMMAND": "ssh -oBatchMode=yes -oConnectTimeout=15 -oServerAliveInterval=15",
    "GIT_ALLOW_PROTOCOL": "file:http:https:ssh",
    "GIT_PROTOCOL_FROM_USER": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_CONFIG_NOSYSTEM": "1",
}
SETTINGS = (
    "-c", "core.hooksPath=/dev/null", "-c", "protocol.ext.allow=never", "-c", "gc.auto=0",
    "-c", "maintenance.auto=false",
    "-c", "core.fsmonitor=false", "-c", "fetch.recurseSubmodules=false", "-c", "submodule.recurse=false",
    "-c", "push.gpgSign=false", "-c", "http.lowSpeedLimit=1", "-c", "http.lowSpeedTime=30",
)  # fmt: skip


class TimedOut(StateError):
    """The program was ended because its time was over. What it was doing may or may not have happened."""


@dataclass(frozen=True, slots=True)
class Done:
    code: int
    out: str
    err: str


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    return {**kept, **FIXED, **(extra or {})}


def git(arguments: Sequence[str], *, folder: Path, timeout: float, extra: Mapping[str, str] | None = None) -> Done:
    """Run it in a bare repository. TimedOut after `timeout` seconds; StateError where git is not installed."""
    program = shutil.which("git")
    if program is None:
        raise StateError("git is not installed; `apt-get install git`")
    child = subprocess.Popen(
        [program, *SETTINGS, "--git-dir", str(folder), *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(extra),
        cwd="/",
        start_new_session=True,
    )
    try:
        out, err = child.communicate(timeout=timeout)
    except BaseException as error:
        _kill(child)
        if isinstance(error, subprocess.TimeoutExpired):
            raise TimedOut(f"git {arguments[0]} took longer than {timeout:g} s") from None
        raise
    return Done(child.returncode, out.decode(errors="replace"), err.decode(errors="replace"))


def _kill(child: subprocess.Popen[bytes]) -> None:
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    child.communicate()
