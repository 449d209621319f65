"""The clock on a node's wall is set while a stage runs, forward and back."""

import json
import shutil
import subprocess
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from state.history.events import events
from tests.integration.node.lab import UNTIL_TOLD, Lab, stage
from tests.integration.node.test_retention import run

HOUR = 3600
Labs = Callable[..., Lab]


def wrong_wall(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """What sets the clock that nodes see from now on: by so many seconds it is wrong."""
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not installed")
    library, wrong = tmp_path / "wallclock.so", tmp_path / "wrong"
    source = Path(__file__).with_name("wallclock.c")
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", str(library), str(source), "-ldl"], check=True)
    monkeypatch.setenv("WALLCLOCK", str(wrong))

    def set_to(seconds: int) -> None:
        part = wrong.with_suffix(".part")
        part.write_text(str(seconds))
        part.replace(wrong)

    set_to(0)
    monkeypatch.setenv("LD_PRELOAD", str(library))
    return set_to


@pytest.fixture
def wall(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    return wrong_wall(tmp_path, monkeypatch)


def clock_of(lab: Lab) -> str:
    found = lab.repository.fetch().inventories.get("n1")
    return found.clock if found else ""


def times(lab: Lab, number: int) -> list[datetime]:
    found = lab.view().executions[number - 1].times
    return [datetime.fromisoformat(each or "") for each in (found.claimed, found.started, found.finished)]


@pytest.mark.parametrize("step", [HOUR, -HOUR], ids=["forward", "back"])
def test_T2_a_clock_that_is_set_while_a_stage_runs_changes_no_duration_and_is_told(
    lab: Labs, wall: Callable[[int], None], monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    here = lab(stage("one", UNTIL_TOLD, timeout="30min", idle_timeout="30min") + stage("two"), lost_after="60s")
    here.node()
    monkeypatch.delenv("LD_PRELOAD")
    began = time.monotonic()
    here.ask("request: start")
    here.until(lambda view: bool(view.executions) and view.executions[0].state == "running")
    wall(step)
    here.until(lambda _: bool(clock_of(here)))
    here.go()
    here.until_reason("Done")
    lasted = time.monotonic() - began
    word = "forward" if step > 0 else "back"
    assert clock_of(here).startswith(f"set {word} by 3600 s, seen at ")
    for number in (1, 2):
        found = times(here, number)
        assert found == sorted(found)
        assert (found[2] - found[1]).total_seconds() <= lasted
    told = [each.duration for each in events(here.repository) if each.event == "succeed"]
    assert all(each is not None and 0 <= each <= lasted for each in told)
    happened = [each.execution for each in events(here.repository) if each.execution]
    assert happened == sorted(happened)
    assert f"its clock was set {word} by 3600 s" in " ".join(run(here, "nodes").stdout.split())
    doctor = json.loads(run(here, "doctor", "-o", "json").stdout)
    assert any(row["check"] == "clock" and f"that of n1 was set {word} by 3600 s" in row["text"] for row in doctor)
    assert f"the clock of this machine was set {word} by 3600 s" in (here.folder / "n1.log").read_text()
