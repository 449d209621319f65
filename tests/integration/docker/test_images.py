"""I1, R5: images that the state repository builds, by a node with a real engine."""

import shutil
import subprocess
from pathlib import Path

import docker
import pytest

from flow.model.builds import tree_of
from flow.status.states import project_state
from schema.execution import Execution, State
from schema.images import PROJECT
from schema.reasons import End, Wait
from state.edits.main import NotCommitted
from tests.contract.runners import Bench
from tests.integration.node.lab import Lab

pytestmark = pytest.mark.docker
DOCKERFILE = "FROM host/python AS tool\nFROM tool\nCOPY words /words\n"
READS = (
    "name: p\nstages:\n  - {name: one, image: build/hello, command: [python, -c, 'print(open(\"/words\").read())']}\n"
)


OUTSIDE = "FROM host/python\nRUN python -c 'import socket; socket.create_connection((\"10.9.8.7\", 9))'\n"


@pytest.fixture
def lab(tmp_path: Path, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> object:
    monkeypatch.setenv("TEST_BUILD", "1")
    lab = Lab(tmp_path / "lab", READS.partition("stages:\n")[2], runner="docker")
    yield lab
    lab.close()
    client = docker.from_env()
    for image in client.images.list(filters={"label": "winslow.tree"}):
        if any(tag.startswith("winslow-build/hello") for tag in image.tags):
            client.images.remove(image.id, force=True)


def words(lab: Lab, text: str, dockerfile: str = DOCKERFILE) -> None:
    lab.edit({"images/hello/Dockerfile": dockerfile, "images/hello/words": text, "pipelines/p.yaml": READS})


def builds(lab: Lab) -> tuple[Execution, ...]:
    view = lab.repository.fetch().projects.get(PROJECT)
    return view.executions if view else ()


def log_of(lab: Lab, record: Execution) -> str:
    return (lab.folder / record.claim.node / "runs" / record.claim.container / "log").read_text()


def test_I1_a_changed_image_is_built_once_and_later_chains_run_it(lab: Lab) -> None:
    words(lab, "first")
    lab.node()
    lab.node("n2")
    lab.ask("request: start\n")
    [first] = lab.until_state(State.SUCCEEDED).executions
    assert "first" in log_of(lab, first)
    words(lab, "second")
    lab.until(lambda view: len([each for each in builds(lab) if each.state is State.SUCCEEDED]) == 2)
    lab.ask("request: start\nstage: one\n")
    second = lab.until_state(State.SUCCEEDED, 2).executions[-1]
    assert "second" in log_of(lab, second)
    assert first.image
    assert second.image
    assert first.image.id != second.image.id
    one, other = builds(lab)
    assert (first.image.build, second.image.build) == (one.execution, other.execution)
    assert first.image.ref == f"build/hello@git:{tree_of(one)}"
    assert one.result
    assert one.result.values["id"] == first.image.id
    assert str(one.result.values["bases"]).startswith("sha256:")
    assert "COPY words /words" in log_of(lab, one)


def test_a_stage_waits_for_its_image_and_says_so(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_BUILD", "")
    words(lab, "never")
    lab.node()
    lab.ask("request: start\n")
    lab.until_reply()
    snapshot = lab.repository.fetch()
    now = project_state(snapshot, snapshot.projects["v"])
    assert now.reason == Wait.IMAGE_BUILDING
    assert now.text.endswith("is not built yet")
    told = project_state(snapshot, snapshot.projects[PROJECT])
    assert told.reason == Wait.NO_MATCHING_NODE
    assert "node --build" in told.text


@pytest.mark.parametrize(
    ("dockerfile", "why"),
    [
        ("FROM host/python\nRUN exit 3\n", "returned a non-zero code: 3"),
        ("FROM host/python\nCOPY ../../etc/passwd /p\n", "COPY"),
        (OUTSIDE, "unreachable"),
        ("NONSENSE\n", "unknown instruction"),
    ],
)  # fmt: skip
def test_a_build_that_fails_says_why_and_is_not_tried_for_ever(lab: Lab, dockerfile: str, why: str) -> None:
    words(lab, "broken", dockerfile)
    lab.node()
    lab.ask("request: start\n")
    lab.until(lambda _: bool(builds(lab)) and builds(lab)[-1].state is State.FAILED)
    [build] = builds(lab)
    assert build.reason is End.EXIT_CODE
    assert why.lower() in log_of(lab, build).lower()
    snapshot = lab.repository.fetch()
    assert "could not be built" in project_state(snapshot, snapshot.projects["v"]).text
    words(lab, "mended")
    lab.ask("request: start\n")
    lab.until(lambda view: any(each.state is State.SUCCEEDED for each in view.executions))


def test_a_build_whose_controller_is_killed_is_built_again_once(lab: Lab) -> None:
    words(lab, "slow", "FROM host/python\nRUN python -c 'import time; time.sleep(5)'\nCOPY words /words\n")
    node = lab.node()
    lab.ask("request: start\n")
    lab.until(lambda _: bool(builds(lab)) and builds(lab)[-1].state is State.RUNNING)
    node.kill()
    lab.node()
    lab.until_state(State.SUCCEEDED)
    states = [(each.state, each.reason) for each in builds(lab)]
    assert states == [(State.FAILED, End.INFRASTRUCTURE), (State.SUCCEEDED, None)]


def test_a_link_in_the_folder_is_refused(lab: Lab, tmp_path: Path) -> None:
    work = tmp_path / "work"
    subprocess.run(["git", "clone", "-q", str(lab.remote), str(work)], check=True)
    (work / "images" / "hello").mkdir(parents=True)
    (work / "images" / "hello" / "Dockerfile").write_text(DOCKERFILE)
    (work / "images" / "hello" / "words").symlink_to("/etc/passwd")
    me = ["-c", "user.name=a", "-c", "user.email=a@b"]
    for command in (["add", "-A"], [*me, "commit", "-qm", "link"], ["push", "-q"]):
        subprocess.run(["git", "-C", str(work), *command], check=True)
    lab.node()
    lab.until(lambda _: bool(builds(lab)) and builds(lab)[-1].state is State.FAILED)
    assert "words is a link" in builds(lab)[-1].text
    shutil.rmtree(work)


def test_an_image_is_built_again_when_somebody_asks(lab: Lab) -> None:
    words(lab, "once more")
    lab.node()
    lab.until(lambda _: bool(builds(lab)) and builds(lab)[0].state is State.SUCCEEDED)
    lab.ask(f"request: resume\nstage: {builds(lab)[0].stage}\n", PROJECT)
    lab.until(lambda _: len(builds(lab)) == 2 and builds(lab)[1].state is State.SUCCEEDED)
    assert builds(lab)[1].request.endswith("-resume.yaml")


def test_the_project_of_builds_is_nobody_s_to_write(lab: Lab) -> None:
    with pytest.raises(NotCommitted, match="nobody writes this project"):
        lab.edit({f"projects/{PROJECT}/project.yaml": "pipeline: p\n"})
