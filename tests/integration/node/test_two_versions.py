"""M14: an older version and this one on one repository, each as installed in an environment of its own."""

import os
import site
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

import pytest

from flow.project.replies import steps_of
from schema.execution import State
from tests.integration.node.lab import UNTIL_TOLD, Lab, Node, stage

Labs = Callable[..., Lab]
ROOT = Path(__file__).parents[3]
OLD = "a185272"
"""The commit that was the newest one before needs, points and exclusive stages."""
MAIN = "import sys; from cli.main import main; sys.argv[0] = 'winslowctl'; main()"


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment in which that version is installed."""
    found = subprocess.run(["git", "archive", OLD], cwd=ROOT, capture_output=True, check=False)
    if found.returncode:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"the history with {OLD} is not here")
    folder = tmp_path_factory.mktemp("old")
    with tarfile.open(fileobj=BytesIO(found.stdout)) as archive:
        archive.extractall(folder / "source", filter="data")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "venv"], check=True)
    [packages] = (folder / "venv").glob("lib/python*/site-packages")
    (packages / "old.pth").write_text("\n".join([str(folder / "source"), *site.getsitepackages()]))
    return folder / "venv" / "bin" / "python"


@pytest.fixture
def beside(old: Path) -> Iterator[Callable[[Lab, str], Node]]:
    """Starts a node of that version."""
    children: list[subprocess.Popen[str]] = []

    def start(lab: Lab, name: str) -> Node:
        words = ["--poll", "0.25s", "--heartbeat", "0.4s", "--runner", "process", "--slots", "2", "--web", ""]
        command = [
            str(old),
            "-c",
            MAIN,
            "--repo",
            lab.url,
            "--data",
            str(lab.folder / name),
            "node",
            "--name",
            name,
            *words,
        ]
        log = (lab.folder / f"{name}.log").open("a")
        child = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, cwd=lab.folder, text=True)
        children.append(child)
        lab.nodes.append(child)
        return Node(child)

    yield start
    for child in children:
        child.kill()
        child.wait()


def joined(lab: Lab, *names: str) -> None:
    lab.until(lambda view: set(names) <= lab.repository.fetch().inventories.keys())


def by(lab: Lab) -> dict[str, str]:
    return {each.stage: each.claim.node for each in lab.view().executions if each.state is State.SUCCEEDED}


def test_M14_two_versions_share_the_stages_of_one_chain(lab: Labs, beside: Callable[[Lab, str], Node]) -> None:
    where = (("a", "old"), ("b", "new"), ("c", "old"))
    stages = (stage(name, node=f"{{name: {node}}}", workspace="standalone") for name, node in where)
    here = lab("".join(stages), lost_after="60s")
    beside(here, "old")
    here.node("new")
    joined(here, "old", "new")
    here.ask("request: start")
    here.until_reason("Done")
    assert by(here) == {"a": "old", "b": "new", "c": "old"}
    assert here.ran() == ["a", "b", "c"]
    assert here.view().flags == ()


def test_M14_an_upgrade_and_a_downgrade_go_on_with_what_runs(lab: Labs, beside: Callable[[Lab, str], Node]) -> None:
    here = lab(stage("long", UNTIL_TOLD), lost_after="120s")
    node = beside(here, "n1")
    here.ask("request: start")
    here.until_state(State.RUNNING)
    node.stop()
    newer = here.node("n1")
    here.until(lambda view: here.repository.fetch().inventories["n1"].exclusive)
    newer.stop()
    node = beside(here, "n1")
    here.go()
    [record] = here.until_reason("Done").executions
    assert (record.state, record.claim.epoch, here.ran()) == (State.SUCCEEDED, 1, ["long"])


def test_M14_an_older_version_lets_an_exclusive_stage_alone(lab: Labs, beside: Callable[[Lab, str], Node]) -> None:
    here = lab(stage("one", exclusive="true"), lost_after="60s")
    newer = here.node("new")
    here.ask("request: start")
    here.until(lambda view: bool(view.executions))
    here.until_reason("Done")
    newer.stop()
    beside(here, "old")
    joined(here, "old")
    here.ask("request: start")
    time.sleep(5)  # twenty looks of the older version
    view = here.view()
    assert [each.claim.node for each in view.executions] == ["new"]
    here.node("new")
    here.until(lambda view: len(view.executions) == 2 and not steps_of(view).active)
    assert by(here) == {"one": "new"}
    assert here.ran() == ["one", "one"]
