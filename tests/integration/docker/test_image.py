"""The image of Winslow itself: it builds, and a node in a container runs stages beside itself through the socket.

The node is started by the very command of docs/operating.md.
"""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from schema.execution import State
from tests.integration.docker import engine, ship
from tests.integration.docker.ship import run
from tests.integration.node.lab import Lab

pytestmark = pytest.mark.docker
REPO = "ssh://git@server/srv/git/lab.git"
HEAD = "name: p\nstages:\n"
STAGES = "\n".join(
    [
        '  - {name: one, image: "winslow/test-base:1", command: [sh, -c, "echo 6 > six; echo n=7 > $WINSLOW_RESULT"]}',
        '  - {name: two, image: "winslow/test-base:1", command: [sh, -c, "expr=$(cat six); echo $expr times $N"],'
        ' env: {N: "$[[ stages.one.values.n ]]"}}',
        "",
    ]
)


@pytest.fixture(scope="module")
def socket() -> Path:
    return Path(engine.need().removeprefix("unix://"))


@pytest.fixture
def lab(tmp_path: Path, socket: Path) -> Iterator[Lab]:
    lab = Lab(tmp_path / "lab", STAGES, runner="docker")
    yield lab
    lab.close()


@pytest.fixture
def node(lab: Lab, socket: Path) -> Iterator[str]:
    """As docs/operating.md says it, with a repository by path."""
    data = lab.folder / "data"
    name = f"winslow-boxed-{lab.folder.parent.name}".replace("_", "-")
    text = ship.said("docker run").replace("/var/run/docker.sock:", f"{socket}:", 1)
    for said, meant in (
        ("--name winslow ", f"--name {name} "),
        ("/var/lib/winslow", str(data)),
        ("/etc/winslow/ssh", str(lab.folder / "ssh")),
        ("winslow/node:1", f"-v {lab.remote}:{lab.remote} {ship.image()}"),
        (REPO, str(lab.remote)),
    ):
        assert said in text
        text = text.replace(said, meant)
    data.mkdir()
    run("sh", "-ec", f"{text.strip()} --poll 0.25s")
    yield name
    subprocess.run(["docker", "rm", "-f", name], capture_output=True, check=False)
    _remove_stages(data)


def _remove_stages(data: Path) -> None:
    for folder in data.glob("runs/*"):
        subprocess.run(["docker", "rm", "-f", f"winslow-{folder.name}"], capture_output=True, check=False)


@pytest.mark.slow
def test_R5_the_image_of_winslow_builds_and_speaks(socket: Path) -> None:
    assert "Usage: winslowctl" in run("docker", "run", "--rm", ship.image())
    assert "Usage: winslowctl" in run("docker", "run", "--rm", ship.image(), "--help")
    assert "OpenSSH" in run(
        "docker", "run", "--rm", "--entrypoint", "sh", ship.image(), "-c", "git --version; ssh -V 2>&1"
    )


@pytest.mark.slow
def test_R5_doctor_in_the_image_finds_git_the_repository_and_the_engine(lab: Lab, socket: Path) -> None:
    mounts = ("-v", f"{socket}:/var/run/docker.sock", "-v", f"{lab.remote}:{lab.remote}")
    said = run("docker", "run", "--rm", *mounts, ship.image(), "doctor", "--repo", str(lab.remote))
    assert "git version" in said
    assert "1 projects" in said
    assert "Docker Engine" in said


@pytest.mark.slow
def test_F5_a_node_container_replaced_leaves_its_stages_running(lab: Lab, node: str) -> None:
    long = HEAD + '  - {name: one, image: "winslow/test-base:1", command: [sh, -c, "sleep 4; echo end"]}\n'
    lab.edit({"pipelines/p.yaml": long})
    lab.ask("request: start\n")
    lab.until_state(State.RUNNING)
    run("docker", "kill", node)
    run("docker", "start", node)
    [record] = lab.until_state(State.SUCCEEDED).executions
    assert (record.attempt, record.claim.epoch) == (1, 1)


@pytest.mark.slow
def test_R5_a_node_in_a_container_runs_stages_beside_itself(lab: Lab, node: str) -> None:
    lab.ask("request: start\n")
    try:
        view = lab.until_reason("Done")
    except AssertionError as error:
        raise AssertionError(f"{error}\n{subprocess.getoutput(f'docker logs {node}')}") from None
    assert [record.state for record in view.executions] == [State.SUCCEEDED, State.SUCCEEDED]
    assert "6 times 7" in (lab.repository.read_text("projects/v/logs/0002-two.txt") or "")
    text = ship.said("docker exec").replace("exec winslow ", f"exec {node} ").replace(REPO, str(lab.remote))
    said = run("sh", "-ec", text.replace("/var/lib/winslow", str(lab.folder / "data")))
    assert "1 projects, 1 nodes" in said
    run("docker", "stop", "-t", "20", node)
    assert run("docker", "inspect", "-f", "{{.State.ExitCode}}", node).strip() == "0"
