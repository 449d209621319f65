"""The image of Winslow itself: it builds, and a node in a container runs stages beside itself through the socket."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from schema.execution import State
from tests.integration.docker import engine, ship
from tests.integration.docker.ship import run
from tests.integration.node.lab import Lab

pytestmark = pytest.mark.docker
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
    """As docs/operating.md says it: the socket, the data directory at the host's own path, and the repository."""
    data = lab.folder / "data"
    data.mkdir()
    mounts = [f"{socket}:/var/run/docker.sock", f"{data}:{data}", f"{lab.remote}:{lab.remote}"]
    options = [argument for mount in mounts for argument in ("-v", mount)]
    command = ["node", "--repo", str(lab.remote), "--name", "boxed", "--data", str(data), "--runner", "docker"]
    name = f"winslow-boxed-{lab.folder.parent.name}".replace("_", "-")
    run("docker", "run", "-d", "--init", "--name", name, *options, ship.image(), *command, "--poll", "0.25s")
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
def test_R5_a_node_in_a_container_runs_stages_beside_itself(lab: Lab, node: str) -> None:
    lab.ask("request: start\n")
    try:
        view = lab.until_reason("Done")
    except AssertionError as error:
        raise AssertionError(f"{error}\n{subprocess.getoutput(f'docker logs {node}')}") from None
    assert [record.state for record in view.executions] == [State.SUCCEEDED, State.SUCCEEDED]
    assert "6 times 7" in (lab.repository.read_text("projects/v/logs/0002-two.txt") or "")
    run("docker", "stop", "-t", "20", node)
    assert run("docker", "inspect", "-f", "{{.State.ExitCode}}", node).strip() == "0"
