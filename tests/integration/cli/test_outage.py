"""The command while the state repository is away, and after it came back."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.integration.cli.child import Child
from tests.integration.cli.command import Command
from tests.integration.node.lab import Lab, stage

Labs = Callable[..., Lab]
Commands = Callable[[Lab], Command]
Run = Callable[..., Child]


@pytest.fixture
def run() -> Iterator[Run]:
    children: list[Child] = []

    def make(*arguments: str) -> Child:
        children.append(Child(*arguments))
        return children[-1]

    yield make
    for child in children:
        child.close()


def held(go: Path) -> str:
    """A stage that prints a line, and another one once the file is there."""
    program = f"go = '{go}'; print('first', flush=True); "
    return stage("one", program + "any(iter(lambda: os.path.exists(go) or time.sleep(0.05), True)); print('second')")


def away(lab: Lab) -> Path:
    return lab.remote.rename(lab.remote.with_name("away.git"))


def back(lab: Lab, place: Path) -> None:
    place.rename(lab.remote)


def test_a_view_while_the_server_is_away_says_its_age(lab: Labs, command: Commands, tmp_path: Path) -> None:
    here = lab(stage("one"))
    ctl = command(here)
    ctl("ps")
    [seen] = (tmp_path / "cache" / "winslow").glob("*.git/winslow-seen")
    then = time.time() - 3 * 3600 - 5
    os.utime(seen, (then, then))
    place = away(here)
    said = ctl.run("ps")
    assert (said.code, "this is the view of 3h ago" in said.err) == (0, True)
    assert "\nv " in said.out
    assert ctl.json("describe", "v")["state"] == "new"
    assert "winslowctl:" in ctl("pause", "v", "--force", code=1)  # nothing is decided on an old view
    back(here, place)
    assert ctl.run("ps").err == ""


def test_a_server_that_was_never_seen_has_no_view(lab: Labs, command: Commands) -> None:
    here = lab(stage("one"))
    away(here)
    said = command(here).run("ps")
    assert (said.code, said.out, said.err.count("\n")) == (1, "", 1)


def test_wait_outlasts_an_outage(lab: Labs, command: Commands, run: Run) -> None:
    here = lab(held(Path(os.devnull)))
    ctl = command(here)
    ctl("start", "v")
    place = away(here)
    out_of_sight = ctl.run("wait", "v", "--for", "succeeded", "--timeout", "300ms", "-o", "json")
    assert out_of_sight.code == 4
    assert "out of sight, the state repository does not answer" in out_of_sight.err
    assert '"state": null' in out_of_sight.out
    child = run("wait", "v", "--for", "succeeded", "-o", "json")
    assert "this is the view of" in child.err.readline()
    back(here, place)
    here.node()
    code, [last] = child.end()
    assert (code, last["state"]) == (0, "succeeded")


def test_a_log_is_followed_through_an_outage(lab: Labs, command: Commands, run: Run, tmp_path: Path) -> None:
    here = lab(held(go := tmp_path / "go"))
    command(here)
    here.node()
    here.ask("request: start\n")
    here.until(lambda view: bool(view.executions))
    child = run("logs", "v", "-f", "-o", "json")
    child.until("first")
    place = away(here)
    go.touch()
    assert child.until("second")[-1]["stream"] == "O"
    back(here, place)
    code, rest = child.end()
    assert code == 0
    assert rest[-1]["text"].startswith("succeed one on n1")
    assert rest[-1]["stream"] == "-"


def test_events_are_followed_as_lines_until_an_interrupt(lab: Labs, command: Commands, run: Run) -> None:
    here = lab(stage("one"))
    command(here)
    child = run("events", "-f", "-o", "json", "--project", "v")
    here.node()
    here.ask("request: start\n")
    assert [event["event"] for event in child.until("succeed")][:2] == ["accept", "claim"]
    child.process.send_signal(signal.SIGINT)
    assert child.end()[0] == 130
