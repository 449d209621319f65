"""I5, S8: a secret reaches the stages that the policy names, and leaves the node in no form."""

import json
import subprocess
from pathlib import Path

import pytest

from flow.project.replies import steps_of
from flow.status.states import project_state
from runner.secrets.node_secrets import NodeSecrets
from schema.execution import State
from schema.reasons import Wait
from tests.integration.docker.test_node import lab  # noqa: F401
from tests.integration.node.lab import Lab

pytestmark = pytest.mark.docker
SECRET = "correct-horse-battery-staple"

PROGRAM = """
import base64, os, sys, time, urllib.parse
value = open('/run/secrets/TOKEN').read()
assert value == os.environ['MY_TOKEN'] and len(value) == 28 and os.getuid() == 64000
try:
    open('/run/secrets/TOKEN', 'w')
except OSError:
    print('read only')
print('whole', value)
sys.stdout.write('split ' + value[:9]); sys.stdout.flush(); time.sleep(0.3); print(value[9:])
print('long ' + 'x' * 16375 + value)
print(base64.b64encode(('me:' + value).encode()).decode())
print(urllib.parse.quote(value + '/?'), value.encode().hex(), file=sys.stderr)
open(os.environ['WINSLOW_RESULT'], 'w').write('said=' + value)
os.makedirs('out/' + value)
open('out/' + value + '/file', 'w').write('1')
sys.exit(int(os.environ.get('CODE', 0)))
"""


def given(where: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, policy: str, more: str = "") -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(policy)
    monkeypatch.setenv("TEST_POLICY", str(file))
    NodeSecrets(where.folder / "n1").put("TOKEN", SECRET.encode())
    code = PROGRAM.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    wish = f"secrets: [{{name: TOKEN, env: MY_TOKEN{more}}}], artifacts: {{paths: ['out/**']}}"
    stage = f'  - {{name: a, image: host/python, command: [python, -c, "{code}"], {wish}}}\n'
    where.edit({"pipelines/p.yaml": f"name: p\nstages:\n{stage}"})


@pytest.mark.parametrize("code", [0, 3])
def test_S8_I5_a_secret_leaves_the_node_in_no_form(
    lab: Lab,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    code: int,
) -> None:
    given(lab, tmp_path, monkeypatch, "secrets: {TOKEN: {pipelines: [p]}}\n")
    lab.node()
    lab.ask(f"request: start\nenv: {{CODE: {code}}}\n")
    view = lab.until(lambda view: bool(view.executions) and view.executions[-1].state.ended)
    [record] = view.executions
    run = lab.folder / "n1" / "runs" / record.claim.container
    log = (run / "log").read_text()
    assert record.state is (State.FAILED if code else State.SUCCEEDED), log[-2000:]
    assert record.asked
    assert record.asked.rights
    assert [each.name for each in record.asked.rights.secrets] == ["TOKEN"]
    assert "read only" in log
    assert log.count("[MASKED]") >= 5
    lab.until(lambda _: not (run / "secrets").exists())
    lab.nodes[-1].terminate()
    lab.nodes[-1].wait()
    parts = [SECRET[at : at + 8] for at in range(len(SECRET) - 8)] + [SECRET.encode().hex()]
    told = log + everything_in(lab.remote) + (lab.folder / "n1.log").read_text()
    told += "".join(
        file.read_text(errors="replace") for file in (lab.folder / "n1" / "node").rglob("*") if file.is_file()
    )
    assert [part for part in parts if part in told] == []
    if not code:
        assert record.result
        assert record.result.values["said"] == "[MASKED]"


def everything_in(remote: Path) -> str:
    """Every object of a repository as text."""
    git = ["git", "-C", str(remote)]
    listed = subprocess.run([*git, "rev-list", "--all", "--objects"], capture_output=True, text=True, check=True).stdout
    names = "\n".join(line.split(" ")[0] for line in listed.splitlines()) + "\n"
    return listed + subprocess.run(
        [*git, "cat-file", "--batch"], input=names.encode(), capture_output=True, check=True
    ).stdout.decode(errors="replace")


def test_I5_a_stage_that_the_policy_does_not_name_waits_and_gets_nothing(
    lab: Lab,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given(lab, tmp_path, monkeypatch, "secrets: {TOKEN: {pipelines: [other]}}\n")
    lab.node()
    lab.ask("request: start\n")
    lab.until_reply()
    snapshot = lab.repository.fetch()
    now = project_state(snapshot, snapshot.projects["v"])
    assert now.reason == Wait.NO_MATCHING_NODE
    assert "(policy.secrets.TOKEN)" in now.text
    assert not steps_of(snapshot.projects["v"]).active


def test_S8_I5_a_secret_that_is_encrypted_in_the_repository_is_given_and_hidden(
    lab: Lab,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("pyrage", reason="the extra `age` is not installed")
    from runner.secrets.encrypted import encrypted, fresh_key, recipient

    key, secrets = fresh_key(), NodeSecrets(lab.folder / "n1")
    text = json.dumps(encrypted("TOKEN", SECRET.encode(), [recipient(key)]))
    given(lab, tmp_path, monkeypatch, "secrets: {TOKEN: {pipelines: [p]}}\n", f", encrypted: {text}")
    secrets.remove("TOKEN")
    secrets.keep_key(key)
    lab.node()
    lab.ask("request: start\nenv: {CODE: 0}\n")
    [record] = lab.until_state(State.SUCCEEDED).executions
    log = (lab.folder / "n1" / "runs" / record.claim.container / "log").read_text()
    assert log.count("[MASKED]") >= 5
    assert SECRET[:8] not in log + everything_in(lab.remote)
    assert record.asked
    assert record.asked.rights
    assert [(each.name, each.encrypted) for each in record.asked.rights.secrets] == [("TOKEN", None)]
