"""Exclusive stages on real nodes and real git. Whether two ran at once the programs themselves write down, by the
machine's boot-time clock.
"""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from runner import lease_clock
from schema.execution import State
from schema.reasons import End
from tests.integration.node.lab import HANG, Lab, stage

Labs = Callable[..., Lab]
TICKS = (
    "f = open(os.environ['RUNS'] + '.ticks', 'a'); "
    "[(f.write('%s %.3f\\\\n' % (os.environ['WINSLOW_NODE'], time.clock_gettime(7))), f.flush(), time.sleep(0.02)) "
    "for _ in iter(lambda: os.path.exists(os.environ['RUNS'] + '.go'), True)]"
)
DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
KILL = 1.0
SETTINGS = "schema: 1\nlost_after: 4s\nexclusive: {give_up_after: 2s, kill_within: 1s, lost_after: 4s}\n"


@pytest.fixture
def here(lab: Labs) -> Lab:
    made = lab(stage("one", DEAF + TICKS, exclusive="true", grace="10m"))
    made.edit({"winslow.yaml": SETTINGS})
    return made


def ticks(lab: Lab) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    file = Path(f"{lab.runs}.ticks")
    for line in file.read_text().splitlines() if file.exists() else ():
        node, _, when = line.partition(" ")
        found.setdefault(node, []).append(float(when))
    return found


def until(done: Callable[[], object]) -> None:
    deadline = time.monotonic() + HANG
    while not done():
        assert time.monotonic() < deadline, "nothing happened in time"
        time.sleep(0.05)


def test_F3_it_is_dead_in_time_without_any_controller(here: Lab) -> None:
    node = here.node()
    here.ask("request: start")
    here.until_state(State.RUNNING)
    until(lambda: ticks(here))
    node.kill()
    [run] = here.folder.glob("n1/runs/*")
    until((run / "exit.json").exists)
    lease = lease_clock.look(str(run))
    assert lease
    assert lease.over
    assert max(ticks(here)["n1"]) < lease.at + KILL + 0.5
    here.node()
    first = here.until_state(State.FAILED)
    [ended, *_] = first.executions
    assert (ended.reason, "no sign of life of its node was seen" in ended.text) == (End.INFRASTRUCTURE, True)
    here.go()
    view = here.until_reason("Done")
    assert [each.state for each in view.executions] == [State.FAILED, State.SUCCEEDED]


def test_F3_it_goes_on_over_a_restart_of_its_controller(here: Lab) -> None:
    here.edit({"winslow.yaml": SETTINGS.replace("2s", "60s").replace("lost_after: 4s}", "lost_after: 2m}")})
    node = here.node()
    here.ask("request: start")
    here.until_state(State.RUNNING)
    node.kill()
    here.node()
    [run] = here.folder.glob("n1/runs/*")
    begun = lease_clock.now()

    def renewed() -> bool:
        lease = lease_clock.look(str(run))
        return bool(lease and lease.at > begun + 60.0)

    until(renewed)
    here.go()
    [record] = here.until_reason("Done").executions
    assert (record.state, record.claim.epoch) == (State.SUCCEEDED, 1)
    assert here.ran() == ["one"]


@pytest.mark.parametrize("how", ["stopped", "cut off"])
def test_F3_it_never_runs_on_two_nodes_at_once(here: Lab, how: str) -> None:
    way = here.folder / "way"
    way.symlink_to(here.remote)
    here.url = str(way)
    first = here.node()
    here.ask("request: start")
    here.until_state(State.RUNNING)
    here.url = str(here.remote)
    if how == "stopped":
        os.kill(first.child.pid, signal.SIGSTOP)
    else:
        way.unlink()
    here.node("n2")
    until(lambda: "n2" in ticks(here))
    if how == "stopped":
        os.kill(first.child.pid, signal.SIGCONT)
    else:
        way.symlink_to(here.remote)
    found = ticks(here)
    assert max(found["n1"]) < min(found["n2"])
    here.go()
    view = here.until_reason("Done")
    assert [each.state for each in view.executions] == [State.SUPERSEDED, State.SUCCEEDED]
    assert max(ticks(here)["n1"]) < min(ticks(here)["n2"])
