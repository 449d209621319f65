"""T2 with real nodes: one that is ended, one that is killed, one that is removed."""

import time
from collections.abc import Callable

from schema.execution import State
from tests.integration.cli.command import Command
from tests.integration.node.lab import Lab, stage

Labs = Callable[..., Lab]
Commands = Callable[[Lab], Command]
TWO = stage("one", "print('hello')") + stage("two", "print('hello')")
HANG = 60.0


def until(ctl: Command, state: str) -> dict[str, object]:
    """The first node, once it is in that state."""
    end = time.monotonic() + HANG
    while time.monotonic() < end:
        rows = ctl.json("nodes")
        if rows and rows[0]["state"] == state:
            return dict(rows[0])
        time.sleep(0.2)
    raise AssertionError(f"never {state}: {rows}")


def test_T2_every_word_on_a_node_that_was_ended_or_killed(lab: Labs, command: Commands) -> None:
    here = lab(TWO)
    ctl = command(here)
    node = here.node()
    ctl("start", "v", "--stage", "one", "--then", "pause")
    here.until_state(State.SUCCEEDED)
    assert until(ctl, "ready")["why"] is None
    node.stop()
    assert str(until(ctl, "stopped")["why"]).startswith("stopped at 20")
    assert [event["event"] for event in ctl.json("events")][-1] == "leave"
    node = here.node()
    until(ctl, "ready")
    node.kill()
    assert str(until(ctl, "silent")["why"]).startswith("silent for ")
    ctl("resume", "v")
    [row] = ctl.json("ps")
    said = ctl("ps")
    assert row["state"] == "paused"  # nobody is there to answer
    assert "no node answers: n1 silent for " in said
    waited = ctl.run("wait", "v", "--timeout", "0s")
    assert waited.code == 4
    assert "no node answers: n1 silent for " in waited.err
    plan = ctl.run("plan").out
    assert "start  two on no node yet" in plan
    assert "NodeOffline: n1 is silent for " in plan
    doctor = ctl.run("doctor")
    assert (doctor.code, "no node answers: n1 silent for " in doctor.out) == (1, True)


def test_a_node_that_is_gone_is_removed_and_its_name_is_free(lab: Labs, command: Commands) -> None:
    here = lab(TWO)
    ctl = command(here)
    node = here.node()
    until(ctl, "ready")
    ctl("drain", "n1")
    assert "end it first" in ctl("nodes", "rm", "n1", code=1)
    assert "there is no node 'n2'" in ctl("nodes", "rm", "n2", code=1)
    node.kill()
    until(ctl, "silent")
    said = ctl("nodes", "rm", "n1")
    assert "its heartbeat refs/winslow/nodes/n1 is removed" in said
    assert "nodes/n1.yaml is removed" in said
    assert "its inventory is removed" in said
    assert ctl.json("nodes") == []
    assert not here.repository.fetch().heartbeats
    here.node_in("n1", "another-disk")
    assert until(ctl, "ready")["drain"] is False
