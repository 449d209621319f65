"""Backups, what a restored or hand-made bare repository lacks, and repositories that cannot be read."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from schema import layout
from state.contract.errors import NotAStateRepository
from state.contract.repository import Edit, Landed, Rejected
from state.git.git_repository import GitRepository
from state.server import setup
from state.server.backup import CannotBackUp, backup, restore
from state.server.setup import init
from tests.integration.cli.command import Command
from tests.integration.git.remotes import AUTHOR, FILES

BROKEN = Edit({"nodes/n.yaml": "drain: perhaps\n"}, "break it", AUTHOR)


def run(*arguments: str, cwd: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    mine = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")
    known = {**os.environ, **environment}
    return subprocess.run(["git", *mine, *arguments], cwd=cwd, capture_output=True, text=True, check=False, env=known)


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    init(tmp_path / "lab.git", bare=True, files=FILES, author=AUTHOR)
    run("update-ref", f"{layout.NODES}one", layout.STATE, cwd=tmp_path / "lab.git")
    return tmp_path / "lab.git"


def refs(folder: Path) -> str:
    return run("for-each-ref", cwd=folder).stdout


def test_what_is_backed_up_is_restored_with_hook_and_settings(lab: Path, tmp_path: Path) -> None:
    tips = backup(str(lab), tmp_path / "lab.bundle")
    assert restore(tmp_path / "lab.bundle", tmp_path / "again.git") == tips
    assert refs(tmp_path / "again.git") == refs(lab)
    assert setup.lacking(tmp_path / "again.git") == []
    assert [each.name for each in tmp_path.iterdir() if "winslow-" in each.name] == []
    one = GitRepository(str(tmp_path / "again.git"), tmp_path / "clone.git")
    assert isinstance(one.propose(BROKEN, base=one.fetch().main), Rejected)


def test_a_backup_replaces_the_last_one_only_when_it_is_whole(lab: Path, tmp_path: Path) -> None:
    (tmp_path / "lab.bundle").write_text("the last one")
    shutil.rmtree(lab / "objects")
    with pytest.raises(CannotBackUp):
        backup(str(lab), tmp_path / "lab.bundle")
    assert (tmp_path / "lab.bundle").read_text() == "the last one"


def test_what_is_no_backup_makes_no_repository(tmp_path: Path) -> None:
    (tmp_path / "thesis").write_text("x")
    for file in ("thesis", "nothing"):
        with pytest.raises(CannotBackUp):
            restore(tmp_path / file, tmp_path / "new.git")
    assert not (tmp_path / "new.git").exists()


def test_what_is_there_is_not_written_over(lab: Path, tmp_path: Path) -> None:
    backup(str(lab), tmp_path / "lab.bundle")
    with pytest.raises(CannotBackUp, match="name a new folder"):
        restore(tmp_path / "lab.bundle", lab)


def test_R1110_doctor_names_what_a_mirror_lacks_and_mends_it(
    lab: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("WINSLOW_DATA", str(tmp_path / "data"))
    run("clone", "-q", "--mirror", str(lab), "mirror.git", cwd=tmp_path)
    command, mirror = Command(), str(tmp_path / "mirror.git")
    row = told(command, mirror)
    assert row["result"] == "warn"
    for what in ("hooks/pre-receive", "core.hooksPath", "receive.denyDeletes", "doctor --fix"):
        assert what in row["text"]
    assert "mended" in told(command, mirror, "--fix")["text"]
    assert told(command, mirror)["result"] == "ok"
    one = GitRepository(mirror, tmp_path / "clone.git")
    assert isinstance(one.propose(BROKEN, base=one.fetch().main), Rejected)


def told(command: Command, repo: str, *options: str) -> dict[str, str]:
    import json

    rows = json.loads(command.run("doctor", "--repo", repo, *options, "-o", "json").out)
    [row] = [row for row in rows if row["check"] == "bare"]
    return dict(row)


def test_R1110_a_pushers_own_hooks_path_does_not_switch_ours_off(lab: Path, tmp_path: Path) -> None:
    (tmp_path / "gitconfig").write_text("[core]\n\thooksPath = /nowhere\n[user]\n\tname = Ada\n\temail = a@b.c\n")
    run("clone", "-q", str(lab), "work", cwd=tmp_path)
    (tmp_path / "work" / "nodes").mkdir()
    (tmp_path / "work" / "nodes" / "n.yaml").write_text("drain: perhaps\n")
    run("add", ".", cwd=tmp_path / "work")
    run("commit", "-qm", "break it", cwd=tmp_path / "work")
    pushed = run("push", "-q", cwd=tmp_path / "work", GIT_CONFIG_GLOBAL=str(tmp_path / "gitconfig"))
    assert pushed.returncode != 0
    assert "main was not changed" in pushed.stderr


def test_a_good_push_still_lands(lab: Path, tmp_path: Path) -> None:
    one = GitRepository(str(lab), tmp_path / "clone.git")
    assert isinstance(one.propose(Edit({"README.md": "x\n"}, "say x", AUTHOR), base=one.fetch().main), Landed)


def test_sha_256_is_named_as_such(tmp_path: Path) -> None:
    run("init", "-q", "--bare", "--object-format=sha256", "new.git", cwd=tmp_path)
    for url in (str(tmp_path / "new.git"), f"file://{tmp_path}/new.git"):
        with pytest.raises(NotAStateRepository, match="SHA-256 objects, which Winslow does not read"):
            GitRepository(url, tmp_path / "clone.git").fetch()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to somebody else")
def test_a_repository_of_another_user_is_told_as_such(
    lab: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("SUDO_UID", raising=False)
    os.chown(lab, 1, 1)
    with pytest.raises(NotAStateRepository, match=r"belongs to daemon.*safe\.directory"):
        GitRepository(str(lab), tmp_path / "clone.git").fetch()
    monkeypatch.setenv("SUDO_UID", "1")
    assert GitRepository(str(lab), tmp_path / "clone.git").fetch().main
