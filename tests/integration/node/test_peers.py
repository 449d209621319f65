"""Two nodes that share nothing: a stage runs on the one what it builds on was made on the other."""

import os
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from runner.store.workspaces import Workspaces
from schema.execution import State
from tests.integration.node.lab import Lab, stage

Labs = Callable[..., Lab]
MAKES = (
    "os.makedirs('a/b'); [open('a/b/' + str(n), 'wb').write(os.urandom(20000)) for n in range(40)]; "
    "open('big', 'wb').write(os.urandom(3000000)); os.chmod('big', 0o755); os.symlink('big', 'link'); os.mkdir('empty')"
)
CHANGES = "open('a/b/7', 'a').write('more'); os.remove('a/b/8')"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


class Fleet:
    """Nodes by the command, as an operator starts them, each with a label of its own name."""

    def __init__(self, lab: Lab) -> None:
        self.lab, self.children, self.addresses = lab, dict[str, subprocess.Popen[bytes]](), dict[str, str]()

    def start(self, name: str) -> None:
        address = self.addresses.setdefault(name, f"127.0.0.1:{free_port()}")
        command = [
            sys.executable, "-m", "cli.main", "--repo", str(self.lab.remote), "--data", str(self.lab.folder / name),
            "node", "--name", name, "--label", name, "--runner", "process", "--poll", "0.25s", "--heartbeat", "0.4s",
            "--peer", address, "--listen", address,
        ]  # fmt: skip
        log = (self.lab.folder / f"{name}.log").open("a")
        self.children[name] = subprocess.Popen(command, cwd=Path(__file__).parents[3], stdout=log, stderr=log)

    def end(self, name: str) -> None:
        child = self.children.pop(name)
        child.terminate()
        child.wait(20)

    def close(self) -> None:
        for name in list(self.children):
            self.end(name)


@pytest.fixture
def fleet(lab: Labs) -> Iterator[Fleet]:
    stages = stage("one", MAKES, node="{labels: [n1]}") + stage("two", CHANGES, node="{labels: [n2]}")
    made = Fleet(lab(stages, lost_after="8s"))
    yield made
    made.close()


def test_a_stage_on_another_node_gets_exactly_the_files(fleet: Fleet) -> None:
    for name in ("n1", "n2"):
        fleet.start(name)
    fleet.lab.ask("request: start")
    view = fleet.lab.until_reason("Done")
    one, two = view.executions
    assert [one.claim.node, two.claim.node] == ["n1", "n2"]
    assert one.result
    assert one.result.manifest
    assert two.workspace.manifest == one.result.manifest
    there, here = (Workspaces(fleet.lab.folder / name) for name in ("n1", "n2"))
    left = here.look("v", 2)
    before = there.look("v", 1)
    assert {row.path for row in before.files()} - {row.path for row in left.files()} == {"a/b/8"}
    assert left.read("big", 1 << 23) == before.read("big", 1 << 23)
    assert "fetched" in (fleet.lab.folder / "n2.log").read_text()


def test_while_the_holder_is_away_the_stage_waits_and_goes_on_when_it_is_back(fleet: Fleet) -> None:
    fleet.start("n1")
    fleet.lab.ask("request: start\nthen: pause")
    fleet.lab.until_reason("PauseRequested")
    fleet.end("n1")
    fleet.start("n2")
    fleet.lab.ask("request: resume")
    fleet.lab.until(lambda view: not view.unanswered)
    fleet.start("n1")
    view = fleet.lab.until_reason("Done")
    assert [each.state for each in view.executions if each.stage == "two"][-1] is State.SUCCEEDED


def test_a_stranger_gets_nothing(fleet: Fleet) -> None:
    fleet.start("n1")
    fleet.lab.ask("request: start\nthen: pause")
    view = fleet.lab.until_reason("PauseRequested")
    result = view.executions[0].result
    assert result
    fleet.lab.until(lambda _: bool(fleet.lab.repository.fetch().inventories["n1"].address))
    url = f"http://{fleet.addresses['n1']}/peer/objects/{result.manifest}"

    def answers(_: object) -> bool:
        try:
            urllib.request.urlopen(urllib.request.Request(url, headers={"Authorization": "Winslow n1 AAAA"}), timeout=5)
        except urllib.error.HTTPError as error:
            return error.code == 401
        except OSError:
            return False
        raise AssertionError("it was given away")

    fleet.lab.until(answers)
    assert os.path.exists(fleet.lab.folder / "n1" / "node" / "peer.key")
