"""Another program, run with fixed arguments: for so long at most, and with so many bytes read of what it says."""

import os
import selectors
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

CHUNK = 65_536


class SaysTooMuch(Exception):
    """It was ended, as it said more than is read."""


class TakesTooLong(Exception):
    """It was ended, with all that it had started."""


@dataclass(frozen=True, slots=True)
class Ran:
    code: int
    out: bytes
    err: bytes


@dataclass(frozen=True, slots=True)
class Bounds:
    """`seconds` until it has ended; `size` in bytes of both of its streams together."""

    seconds: float
    size: int


def run(command: Sequence[str], environment: Mapping[str, str], bounds: Bounds, given: bytes = b"") -> Ran:
    """`given` is what it reads. OSError where it cannot be begun, SaysTooMuch, TakesTooLong.

    It has a session of its own, so that what it started goes with it where it is ended.
    """
    with tempfile.TemporaryFile() as file:
        file.write(given)
        file.seek(0)
        child = subprocess.Popen(
            command,
            stdin=file,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=dict(environment),
            cwd="/",
            start_new_session=True,
        )
    with child:
        try:
            return _heard(child, bounds)
        finally:
            if child.returncode is None:
                with suppress(ProcessLookupError):
                    os.killpg(child.pid, signal.SIGKILL)


def _heard(child: "subprocess.Popen[bytes]", bounds: Bounds) -> Ran:
    end = time.monotonic() + bounds.seconds
    said = {child.stdout: bytearray(), child.stderr: bytearray()}
    with selectors.DefaultSelector() as open_streams:
        for stream in filter(None, said):
            open_streams.register(stream, selectors.EVENT_READ, stream)
        while open_streams.get_map():
            ready = open_streams.select(max(0.0, end - time.monotonic()))
            if not ready:
                raise TakesTooLong
            for key, _ in ready:
                chunk = os.read(key.fd, CHUNK)
                said[key.data] += chunk
                if not chunk:
                    open_streams.unregister(key.fileobj)
                if sum(map(len, said.values())) > bounds.size:
                    raise SaysTooMuch
    try:
        code = child.wait(max(0.0, end - time.monotonic()))
    except subprocess.TimeoutExpired:
        raise TakesTooLong from None
    return Ran(code, bytes(said[child.stdout]), bytes(said[child.stderr]))
