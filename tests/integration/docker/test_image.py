"""The image of Winslow itself: it builds, and a node in a container runs stages beside itself through the socket.

The node is started by the very command of docs/operating.md.
"""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from runner.store import overlay
from schema.execution import State
from tests.docs.sshd import SshServer
from tests.integration.docker import engine, ship
from tests.integration.docker.ship import run
from tests.integration.node.lab import Lab

pytestmark = pytest.mark.docker
RIGHTS = "--cap-add SYS_ADMIN --security-opt apparmor=unconfined"
COPIES = "workspaces are copied"
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


@dataclass(frozen=True)
class Boxed:
    """A node in a container: its name for Docker, and how it reaches the repository."""

    name: str
    repo: str


@pytest.fixture
def by_path(lab: Lab, socket: Path) -> Iterator[Boxed]:
    boxed = Boxed(_name(lab), str(lab.remote))
    with _started(lab, socket, boxed, f"-v {lab.remote}:{lab.remote}"):
        yield boxed


@pytest.fixture
def without_rights(lab: Lab, socket: Path) -> Iterator[Boxed]:
    boxed = Boxed(_name(lab), str(lab.remote))
    with _started(lab, socket, boxed, f"-v {lab.remote}:{lab.remote}", (RIGHTS, "")):
        yield boxed


@pytest.fixture
def by_ssh(lab: Lab, socket: Path) -> Iterator[Boxed]:
    """Through the folder with the key, to an sshd of this machine."""
    network = run("docker", "run", "--rm", "--network", "host", engine.IMAGE, "ls", "-l", "/proc/self/ns/net")
    if os.readlink("/proc/self/ns/net") not in network:
        why = "the engine has a network of its own here, from which no sshd of this machine can be reached"
        if os.environ.get("CI"):
            pytest.fail(why, pytrace=False)
        pytest.skip(why)
    server = SshServer(lab.folder / "sshd")
    try:
        server.client_folder(lab.folder / "ssh", inside="/root/.ssh")
        boxed = Boxed(_name(lab), f"ssh://{server.user}@server{lab.remote}")
        with _started(lab, socket, boxed, "--network host"):
            yield boxed
    finally:
        server.close()


def _name(lab: Lab) -> str:
    return f"winslow-boxed-{lab.folder.parent.name}".replace("_", "-")


@contextmanager
def _started(lab: Lab, socket: Path, boxed: Boxed, options: str, *others: tuple[str, str]) -> Iterator[None]:
    """By the command that docs/operating.md gives, with the names of here."""
    data = lab.folder / "data"
    text = ship.said("docker run").replace("/var/run/docker.sock:", f"{socket}:", 1)
    for said, meant in (
        ("--name winslow ", f"--name {boxed.name} "),
        ("/var/lib/winslow", str(data)),
        ("/etc/winslow/ssh", str(lab.folder / "ssh")),
        ("winslow/node:1", f"{options} {ship.image()}"),
        (REPO, boxed.repo),
        *others,
    ):
        assert said in text
        text = text.replace(said, meant)
    data.mkdir()
    try:
        run("sh", "-ec", f"{text.strip()} --poll 0.25s --heartbeat 1s")
        yield
    finally:
        subprocess.run(["docker", "rm", "-fv", boxed.name], capture_output=True, check=False)
        _remove_stages(data)


def _remove_stages(data: Path) -> None:
    for folder in data.glob("runs/*"):
        subprocess.run(["docker", "rm", "-fv", f"winslow-{folder.name}"], capture_output=True, check=False)


@pytest.mark.slow
def test_R5_the_image_of_winslow_builds_and_speaks(socket: Path) -> None:
    assert "Usage: winslowctl" in run("docker", "run", "--rm", ship.image())
    assert "Usage: winslowctl" in run("docker", "run", "--rm", ship.image(), "--help")
    imports = "import docker, flask, pynvml, starlette"
    run("docker", "run", "--rm", "--entrypoint", "python", ship.image(), "-c", imports)
    assert "OpenSSH" in run(
        "docker", "run", "--rm", "--entrypoint", "sh", ship.image(), "-c", "git --version; ssh -V 2>&1"
    )


@pytest.mark.slow
def test_R5_doctor_in_the_image_finds_git_the_repository_and_the_engine(lab: Lab, socket: Path) -> None:
    mounts = ("-v", f"{socket}:/var/run/docker.sock", "-v", f"{lab.remote}:{lab.remote}")
    said = run("docker", "run", "--rm", *mounts, ship.image(), "doctor", "--repo", str(lab.remote))
    assert "git version" in said
    assert "1 project" in said
    assert "Docker Engine" in said


@pytest.mark.slow
def test_F5_a_node_container_replaced_leaves_its_stages_running(lab: Lab, by_path: Boxed) -> None:
    long = HEAD + '  - {name: one, image: "winslow/test-base:1", command: [sh, -c, "sleep 4; echo end"]}\n'
    lab.edit({"pipelines/p.yaml": long})
    lab.ask("request: start\n")
    lab.until_state(State.RUNNING)
    run("docker", "kill", by_path.name)
    run("docker", "start", by_path.name)
    [record] = lab.until_state(State.SUCCEEDED).executions
    assert (record.attempt, record.claim.epoch) == (1, 1)


@pytest.mark.slow
def test_R5_a_node_in_a_container_runs_stages_beside_itself(lab: Lab, by_path: Boxed) -> None:
    _runs_both(lab, by_path)
    assert COPIES not in _log(by_path) or overlay.probe(lab.folder) is not None
    text = ship.said("docker exec").replace("exec winslow ", f"exec {by_path.name} ").replace(REPO, by_path.repo)
    said = run("sh", "-ec", text.replace("/var/lib/winslow", str(lab.folder / "data")))
    assert "1 project, 1 node" in said
    run("docker", "stop", "-t", "20", by_path.name)
    assert run("docker", "inspect", "-f", "{{.State.ExitCode}}", by_path.name).strip() == "0"


@pytest.mark.slow
def test_R5_a_node_in_a_container_reaches_its_server_by_ssh(lab: Lab, by_ssh: Boxed) -> None:
    _runs_both(lab, by_ssh)


@pytest.mark.slow
def test_R5_a_node_in_a_container_without_rights_copies_workspaces(lab: Lab, without_rights: Boxed) -> None:
    _runs_both(lab, without_rights)
    assert COPIES in _log(without_rights)


def _log(boxed: Boxed) -> str:
    return subprocess.getoutput(f"docker logs {boxed.name}")


def _runs_both(lab: Lab, boxed: Boxed) -> None:
    lab.ask("request: start\n")
    try:
        view = lab.until_reason("Done")
    except AssertionError as error:
        raise AssertionError(f"{error}\n{_log(boxed)}") from None
    assert [record.state for record in view.executions] == [State.SUCCEEDED, State.SUCCEEDED]
    assert "6 times 7" in (lab.repository.read_text("projects/v/logs/0002-two.txt") or "")
