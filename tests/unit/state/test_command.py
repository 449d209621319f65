"""What the git program wrote is read to its end, however late it was written."""

import os
import subprocess
import time

import pytest

from state.transport import command as program


class Starved:
    """A child of a busy machine: it writes its answer and ends just after the reader grew tired of waiting."""

    def __init__(self) -> None:
        (out, self._out), (err, self._err) = os.pipe(), os.pipe()
        self.stdout, self.stderr = os.fdopen(out, "rb"), os.fdopen(err, "rb")
        self.pid, self.asked, self.returncode = 0, 0, None

    def poll(self) -> int | None:
        self.asked += 1
        if self.asked == 2:
            os.write(self._out, b"ok\tlanded\n")
        return 0 if self.asked >= 2 else None

    def wait(self, timeout: float) -> int:
        return 0

    def end(self) -> None:
        for pipe in (self._out, self._err):
            os.close(pipe)
        self.stdout.close()
        self.stderr.close()


def test_an_answer_that_is_written_between_two_looks_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Something that was left behind keeps the pipes open, so no end of file tells that all was read."""
    monkeypatch.setattr(program, "_LINGER", 0.01)
    child = Starved()
    try:
        out, err = program._collect(child, time.monotonic() + 60)  # type: ignore[arg-type]
    finally:
        child.end()
    assert (out, err) == (b"ok\tlanded\n", b"")


def test_what_a_program_left_behind_holds_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "_LINGER", 0.05)
    command = ["sh", "-c", "sleep 60 & echo $!; exit 0"]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out, _ = program._collect(child, time.monotonic() + 50)
    os.kill(int(out), 9)
    program._end(child)
    assert child.returncode == 0
