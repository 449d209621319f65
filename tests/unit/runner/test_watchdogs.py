"""The watchdogs of exclusive containers: one for each that its engine has, and none that stays when it has ended."""

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from runner import lease_clock
from runner.docker.ends.watchdogs import NOTE, Watchdogs
from runner.process import shim


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        lease_clock.begin(str(tmp_path / name), lease_clock.now() + 600.0, 1.0)
    yield tmp_path
    for name in ("one", "two"):
        lease_clock.remove(str(tmp_path / name))


def seen_to(watchdogs: Watchdogs, container: str, id: str) -> int:
    """The process that is noted then."""
    watchdogs.see_to(container, id)
    return int(json.loads((watchdogs.root / container / NOTE).read_text())["pid"])


def test_F3_a_container_that_was_made_anew_has_a_watchdog_of_its_own(root: Path) -> None:
    watchdogs = Watchdogs(root)
    first = seen_to(watchdogs, "one", "first")
    assert seen_to(watchdogs, "one", "first") == first
    second = seen_to(watchdogs, "one", "second")
    assert second != first
    again = Watchdogs(root)
    assert seen_to(again, "one", "second") == second
    assert seen_to(again, "one", "third") != second


def test_F3_a_watchdog_that_was_killed_is_started_anew(root: Path) -> None:
    watchdogs = Watchdogs(root)
    first = seen_to(watchdogs, "one", "id")
    end(first)
    assert seen_to(watchdogs, "one", "id") != first


def test_a_watchdog_that_has_ended_is_no_process_any_more(root: Path) -> None:
    watchdogs = Watchdogs(root)
    first, second = seen_to(watchdogs, "one", "id"), seen_to(watchdogs, "two", "id")
    end(first)
    watchdogs.see_to("two", "id")
    assert gone(first)
    end(second)
    watchdogs.forget("one")
    assert gone(second)


def end(pid: int) -> None:
    """It stays as what its parent is still to collect."""
    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)


def gone(pid: int) -> bool:
    try:
        shim.status(pid)
    except OSError:
        return True
    return False
