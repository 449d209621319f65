"""What another program says is read up to a bound, and it is waited for up to another."""

import os
import sys
import time
from pathlib import Path

import pytest

from runner.bounded_run import Bounds, Ran, SaysTooMuch, TakesTooLong, run

ENOUGH = Bounds(60.0, 1_000_000)


def python(script: str, bounds: Bounds = ENOUGH, given: bytes = b"") -> Ran:
    return run([sys.executable, "-c", script], {"PATH": os.defpath}, bounds, given)


def test_both_streams_the_code_and_what_it_is_given() -> None:
    script = "import sys; sys.stdout.write(sys.stdin.read()); sys.stderr.write('no'); sys.exit(3)"
    assert python(script, given=b"x" * 300_000) == Ran(3, b"x" * 300_000, b"no")


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_one_that_never_stops_talking_is_ended(stream: str) -> None:
    began = time.monotonic()
    with pytest.raises(SaysTooMuch):
        python(f"import sys\nwhile True: sys.{stream}.write('x' * 1000)")
    assert time.monotonic() - began < ENOUGH.seconds


def test_what_is_exactly_as_much_as_is_read_is_read() -> None:
    assert len(python("print('x' * 9, end='')", Bounds(60.0, 9)).out) == 9
    with pytest.raises(SaysTooMuch):
        python("print('x' * 10, end='')", Bounds(60.0, 9))


@pytest.mark.parametrize("closes", [True, False], ids=["silent", "with closed streams"])
def test_one_that_takes_too_long_is_ended_with_what_it_started(closes: bool, tmp_path: Path) -> None:
    file = tmp_path / "pid"
    script = (
        "import os, subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        f"open({str(file)!r}, 'w').write(str(child.pid))\n"
        + ("" if closes else "os.close(1); os.close(2)\n")
        + "time.sleep(600)"
    )
    with pytest.raises(TakesTooLong):
        python(script, Bounds(5.0, 100))
    assert _gone(int(file.read_text()))


def test_what_is_not_there_cannot_be_run() -> None:
    with pytest.raises(OSError, match="No such file"):
        run(["/nowhere/squeue"], {}, ENOUGH)


def _gone(process: int) -> bool:
    """Also of one that nobody has waited for yet."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            if Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except (FileNotFoundError, ProcessLookupError):
            return True
    return False
