"""S4: whatever a person types wherever the command takes a text, none of it becomes an option or a program."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.cli.command import Command
from tests.integration.node.lab import Lab, stage

EVIL = [
    "--upload-pack=touch {canary}",
    "--exec=touch {canary}",
    "-x",
    "-ctouch {canary}",
    "ext::sh -c touch% {canary}",
    "-oProxyCommand=touch {canary}",
    "ssh://-oProxyCommand=touch%20{canary}/x",
    "git@-oProxyCommand=touch:x",
    "$(touch {canary})",
    "`touch {canary}`",
    "; touch {canary}",
    "| touch {canary}",
    "a\ntouch {canary}",
    "../../{canary}",
]
REFUSED = [
    ("ps", "--at={}"),
    ("plan", "--rev={}"),
    ("validate", "--rev={}"),
    ("describe", "--", "{}"),
    ("logs", "--", "{}"),
    ("compare", "v", "--", "{}"),
    ("start", "--stage={}", "v"),
    ("start", "--", "{}"),
    ("start", "--then={}", "v"),
    ("redo", "--", "{}"),
    ("drain", "--", "{}"),
    ("projects", "create", "--pipeline={}", "w"),
    ("projects", "create", "--pipeline=p", "--", "{}"),
    ("projects", "edit", "--pipeline={}", "v"),
    ("pipelines", "show", "--", "{}"),
    ("pipelines", "rm", "--", "{}"),
    ("pipelines", "put", "--", "{}"),
    ("files", "ls", "--", "{}"),
    ("node", "--once", "--runner=process", "--name={}"),
]
TAKEN = [
    ("start", "--force", "--comment={}", "--env=A={}", "--input=x={}", "v"),
    ("projects", "edit", "--name={}", "--tag={}", "v"),
]


@pytest.fixture
def ctl(lab: Callable[..., Lab], command: Callable[[Lab], Command]) -> Command:
    return command(lab(stage("one")))


@pytest.mark.parametrize("evil", EVIL)
def test_S4_no_text_of_a_person_becomes_a_program(ctl: Command, tmp_path: Path, evil: str) -> None:
    canary = tmp_path / "canary"
    text = evil.format(canary=canary)
    for arguments in REFUSED:
        said = ctl.run(*(each.replace("{}", text) for each in arguments))
        assert said.code in (1, 2), (arguments, said)
        assert "Traceback" not in said.err, (arguments, said)
    for arguments in TAKEN:
        said = ctl.run(*(each.replace("{}", text) for each in arguments))
        assert "Traceback" not in said.err, (arguments, said)
    assert not canary.exists()
    assert not list(tmp_path.rglob("canary*"))


@pytest.mark.parametrize("name", ["WINSLOW_REPO", "WINSLOW_AUTHOR", "WINSLOW_TOKEN_FILE", "WINSLOW_SSH_CONFIG"])
def test_S4_no_text_of_the_environment_becomes_a_program(
    ctl: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    canary = tmp_path / "canary"
    if name in ("WINSLOW_TOKEN_FILE", "WINSLOW_SSH_CONFIG"):  # looked at only where a server is asked
        scheme = "http" if name == "WINSLOW_TOKEN_FILE" else "ssh"
        monkeypatch.setenv("WINSLOW_REPO", f"{scheme}://127.0.0.1:9/x.git")
    for evil in EVIL:
        monkeypatch.setenv(name, evil.format(canary=canary))
        said = ctl.run("start", "--force", "v")
        assert "Traceback" not in said.err
        assert said.code in (0, 1) if name == "WINSLOW_AUTHOR" else said.code == 1
    assert not canary.exists()


@pytest.mark.parametrize("evil", EVIL)
def test_S4_a_node_that_is_given_no_repository_runs_nothing(tmp_path: Path, evil: str) -> None:
    text = evil.format(canary=tmp_path / "canary")
    arguments = ["node", f"--repo={text}", "--once", "--runner=process", "--name=n", f"--data={tmp_path / 'data'}"]
    program = "import sys; from cli.main import main; sys.argv = ['winslowctl', *sys.argv[1:]]; main()"
    command = [sys.executable, "-c", program, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=tmp_path)
    assert done.returncode in (1, 2) or "there is no git repository at" in done.stdout, done
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.rglob("canary*"))
