"""The unit that `service install` writes, as systemd reads it."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from cli import systemd
from cli.errors import CommandError
from tests.integration.cli.command import Command

PROGRAM = "/bin/true"
NODE = [PROGRAM, "--repo", "ssh://git@server/lab.git", "--data", "/var/lib/winslow", "node", "--name", "gpu-01"]


def text_of(account: str) -> str:
    return systemd.unit(NODE, account=account, environment=systemd.ENVIRONMENT)


@pytest.mark.parametrize("account", ["winslow", "root", ""])
def test_N3_stages_outlive_the_service_and_it_can_be_enabled(account: str) -> None:
    unit = text_of(account)
    assert "\nKillMode=process\n" in unit
    assert "\nRestart=always\n" in unit
    assert "[Install]\nWantedBy=" in unit
    assert ("User=" in unit) == bool(account)


def test_who_is_not_root_has_no_capabilities() -> None:
    assert "CapabilityBoundingSet=\n" in text_of("winslow")
    assert "CapabilityBoundingSet" not in text_of("root")


def test_a_stage_that_runs_on_loses_nothing_with_the_service() -> None:
    assert not any(line.startswith("PrivateTmp") for line in text_of("winslow").splitlines())


@pytest.mark.parametrize(
    ("word", "written"),
    [
        ("plain", "plain"),
        ("with space", '"with space"'),
        ("100%", "100%%"),
        ("$HOME", "$$HOME"),
        ('say "x"', '"say \\"x\\""'),
        ("", '""'),
        ("a;b", '"a;b"'),
        ("back\\slash", '"back\\\\slash"'),
    ],
)
def test_words_reach_the_node_as_they_are(word: str, written: str) -> None:
    assert f"\nExecStart=x {written}\n" in systemd.unit(["x", word], account="", environment="e")


def test_a_line_break_does_not_become_another_setting() -> None:
    with pytest.raises(CommandError, match="cannot stand in a unit"):
        systemd.unit(["x", "a\nUser=root"], account="", environment="e")


@pytest.mark.parametrize("name", ["../other", "", "a b", "x/y"])
def test_the_name_of_a_service_is_no_path(name: str) -> None:
    with pytest.raises(CommandError, match="cannot be the name of a service"):
        systemd.place(name, user=True)


@pytest.mark.parametrize("account", ["root", "daemon", ""])
def test_systemd_finds_nothing_wrong(tmp_path: Path, account: str) -> None:
    program = shutil.which("systemd-analyze")
    if program is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("there is no systemd-analyze: install systemd")
    unit = tmp_path / "winslow-node.service"
    unit.write_text(text_of(account))
    kind = [] if account else ["--user"]
    environment = {**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)}
    done = subprocess.run(
        [program, "verify", "--man=no", *kind, str(unit)], capture_output=True, text=True, env=environment, check=False
    )
    assert "winslow-node" not in done.stderr, done.stderr
    assert done.returncode == 0, done.stderr


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Beside a systemctl that only notes what it is asked."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("WINSLOW_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("WINSLOW_REPO", str(tmp_path / "lab.git"))
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    (bin_folder / "systemctl").write_text(
        f'#!/bin/sh\necho "$@" >>{tmp_path}/asked\n'
        'case "$*" in *show*) echo ActiveState=active; echo UnitFileState=enabled; echo MainPID=7;; esac\n'
    )
    (bin_folder / "systemctl").chmod(0o755)
    monkeypatch.setenv("PATH", f"{bin_folder}:{os.environ['PATH']}")
    return Command()


def test_a_users_service_is_written_started_shown_and_removed(command: Command, tmp_path: Path) -> None:
    unit = tmp_path / "config" / "systemd" / "user" / "winslow-node.service"
    made = command.run("service", "install", "--user", "--", "--name", "gpu-01", "--runner", "process")
    assert made.code == 0, made.err
    assert f"--repo {tmp_path}/lab.git --data {tmp_path}/data node --name gpu-01 --runner process" in unit.read_text()
    assert "enable --now winslow-node" in (tmp_path / "asked").read_text()
    shown = command.run("service", "status")
    assert (shown.code, shown.out) == (0, f"{unit}: enabled, active\n")
    gone = command.run("service", "uninstall", "--user")
    assert gone.code == 0, gone.err
    assert not unit.exists()
    assert "disable --now winslow-node" in (tmp_path / "asked").read_text()
    assert command.run("service", "status").code == 1


def test_printing_a_unit_changes_nothing(command: Command, tmp_path: Path) -> None:
    said = command.run("service", "install", "--as", "root", "--print")
    assert said.code == 0, said.err
    assert "User=root" in said.out
    assert not (tmp_path / "asked").exists()


def test_root_is_a_choice(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SUDO_USER", raising=False)
    monkeypatch.setattr("getpass.getuser", lambda: "root")
    said = command.run("service", "install")
    assert said.code == 1
    assert "give --as USER" in said.err
