"""What a repository asks for, and what a node with a real engine makes of it."""

from pathlib import Path

import docker
import pytest

from flow.project.replies import steps_of
from flow.status.states import project_state
from schema.documents import parse
from schema.errors import DocumentError
from schema.execution import State
from schema.reasons import Wait
from tests.integration.docker.test_node import lab  # noqa: F401
from tests.integration.node.lab import Lab

pytestmark = pytest.mark.docker

TRIES = [
    "privileged: true", "pid: host", "ipc: host", "userns: host", "network: host", "network: bridge",
    "network: container-1", "network_mode: host", "networks: [host]", "network: 'container:x'",
    "volumes: ['/:/x']", "volumes: ['/:/x:ro']", "volumes: ['/var/run/docker.sock:/s']", "volumes: ['/etc:/e:ro']",
    "volumes: ['../../etc:/e']", "volumes: ['root:/x']", "volumes: [{from: /, to: /x}]",
    "volumes: [{from: etc, to: /etc/../x}]", "volumes: ['etc:/proc/x']",
    "volumes: [{type: bind, source: /, target: /x}]",
    "cap_add: [SYS_ADMIN]", "cap_add: [ALL]", "cap_add: [CAP_SYS_PTRACE]", "cap_drop: []",
    "security_opt: ['seccomp=unconfined']", "security_opt: ['apparmor=unconfined']", "security_opt: ['label:disable']",
    "devices: [/dev/sda]", "devices: ['/dev/mem:/dev/mem:rwm']", "devices: [mem]", "device_cgroup_rules: ['a *:* rwm']",
    "user: root", "user: 0", "user: '0:0'", "user: '1000:0'", "secrets: [AWS_SECRET_ACCESS_KEY]",
    "secrets: [../../etc/shadow]", "cgroup_parent: /", "sysctls: {kernel.core_pattern: x}", "runtime: runc",
    "extra_hosts: {registry.lan: 10.0.0.1}", "tmpfs: [/x]", "entrypoint: [python], privileged: true",
    "pid: 'container:x'", "image: 'file:///etc/passwd'",
]  # fmt: skip
"""Ways in which a repository may ask for power over a machine."""


def pipeline(name: str, wish: str) -> str:
    image = "" if wish.startswith("image:") else "image: host/python, "
    return f"name: {name}\nstages:\n  - {{name: a, {image}command: [python, -c, 'print(1)'], {wish}}}\n"


def refused(name: str, wish: str) -> str:
    """Why nobody may even merge it; nothing where a node has to decide."""
    try:
        parse("pipeline", pipeline(name, wish), "pipelines/x.yaml")
    except DocumentError as error:
        return str(error)
    return ""


def test_S1_I4_a_hostile_repository_gets_nothing_from_a_default_node(lab: Lab) -> None:  # noqa: F811
    assert len(TRIES) >= 40
    wishes = {f"try-{at}": wish for at, wish in enumerate(TRIES)}
    asked = {name: wish for name, wish in wishes.items() if not refused(name, wish)}
    files = {f"pipelines/{name}.yaml": pipeline(name, wish) for name, wish in asked.items()}
    files |= {f"projects/{name}/project.yaml": f"pipeline: {name}\n" for name in asked}
    files |= {f"projects/{name}/requests/0001-start.yaml": "request: start\n" for name in asked}
    lab.edit(dict(files))
    lab.node()
    lab.ask("request: start\n")  # of a stage that asks for nothing: it runs
    lab.until_state(State.SUCCEEDED)
    for name, wish in asked.items():
        lab.until_reply(name)
        snapshot = lab.repository.fetch()
        now = project_state(snapshot, snapshot.projects[name])
        assert (now.reason, "policy." in now.text) == (Wait.NO_MATCHING_NODE, True), (wish, now.text)
        assert not snapshot.projects[name].executions
    client = docker.from_env()
    labels = [f"winslow.project={name}" for name in asked]
    assert not [c for label in labels for c in client.api.containers(all=True, filters={"label": label})]
    assert len(asked) >= 20


@pytest.mark.parametrize("wish", ["volumes: ['/:/x']", "devices: [/dev/sda]"])
def test_S1_a_path_of_a_machine_is_refused_before_the_merge_with_the_policy_line(wish: str) -> None:
    assert "(policy." in refused("x", wish)


PROGRAM = """
import json, os
found = {
    "ids": [os.getuid(), os.getgid()], "cwd": os.getcwd(), "net": sorted(os.listdir("/sys/class/net")),
    "hosts": "db.lan" in open("/etc/hosts").read(), "read": open("/rec/a").read(),
}
try:
    open("/rec/b", "w")
except OSError as error:
    found["ro"] = True
open("/scratch/b", "w").write("b")
open("/workspace/left", "w").write("left")
print(json.dumps(found))
"""


def test_what_a_policy_grants_a_stage_gets_and_the_record_says_so(
    lab: Lab,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "rec").mkdir()
    (tmp_path / "rec" / "a").write_text("a")
    (tmp_path / "scratch").mkdir(mode=0o777)
    (tmp_path / "scratch").chmod(0o777)
    policy = tmp_path / "policy.yaml"
    policy.write_text(
        f"networks: {{lan: bridge}}\nusers: ['1000:1000']\nvolumes:\n  rec: {{path: {tmp_path}/rec}}\n"
        f"  scratch: {{path: {tmp_path}/scratch, read_only: false}}\n"
    )
    monkeypatch.setenv("TEST_POLICY", str(policy))
    code = PROGRAM.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    wish = (
        "network: lan, extra_hosts: {db.lan: 10.9.8.7}, user: '1000:1000', working_dir: /tmp, "
        "volumes: ['rec:/rec:ro', 'scratch:/scratch']"
    )
    stage = f'  - {{name: a, image: host/python, command: [python, -c, "{code}"], {wish}}}\n'
    after = "  - {name: b, image: host/python, command: [python, -c, \"print(open('left').read())\"]}\n"
    lab.edit({"pipelines/p.yaml": f"name: p\nstages:\n{stage}{after}"})
    lab.node()
    lab.ask("request: start\n")
    view = lab.until(lambda view: steps_of(view).wait is not None and bool(view.executions))
    first, second = view.executions
    assert (first.state, second.state) == (State.SUCCEEDED, State.SUCCEEDED), (first.log, second.log)
    assert first.asked
    assert first.asked.rights
    assert (first.asked.rights.network, first.asked.rights.user) == ("lan", "1000:1000")
    text = (lab.folder / "n1" / "runs" / first.claim.container / "log").read_text()
    assert '"ids": [1000, 1000], "cwd": "/tmp"' in text
    assert '"hosts": true, "read": "a", "ro": true' in text
    assert "eth0" in text
    assert (tmp_path / "scratch" / "b").read_text() == "b"
