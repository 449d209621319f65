"""Making a state repository: its configuration, its hook, what it refuses; asking a server; waking up."""

import threading
import time
from pathlib import Path

import pygit2
import pytest

from schema import layout
from state.contract.repository import Edit, Landed, Rejected, Rejection
from state.direct import own_hook
from state.git import commit_builder
from state.git.heartbeat_probe import probe
from state.server import setup
from state.server.setup import CannotInit, init
from state.transport.watch import watch
from tests.integration.git.remotes import AUTHOR, FILES, claim, client, remote, run


def test_init_makes_both_branches_and_the_configuration(tmp_path: Path) -> None:
    folder = remote(tmp_path)
    repo = pygit2.Repository(str(folder))
    assert {layout.MAIN, layout.STATE} <= set(repo.references)
    assert repo.references["HEAD"].target == layout.MAIN
    for key, value in setup.CONFIG.items():
        assert run("config", "--get", key, cwd=folder).stdout.strip() == value
    assert run("fsck", "--strict", cwd=folder).returncode == 0


def test_init_is_idempotent_and_mends_configuration_and_hook(tmp_path: Path) -> None:
    folder = remote(tmp_path)
    before = set(pygit2.Repository(str(folder)).references)
    (folder / "hooks" / "pre-receive").unlink()
    run("config", "receive.denyDeletes", "false", cwd=folder)
    assert init(folder, bare=True, files={}, author=AUTHOR) is False
    assert (folder / "hooks" / "pre-receive").stat().st_mode & 0o111
    assert run("config", "--get", "receive.denyDeletes", cwd=folder).stdout.strip() == "true"
    assert before == set(pygit2.Repository(str(folder)).references)


@pytest.mark.parametrize("key", ["transfer.hideRefs", "uploadpack.hideRefs", "receive.hideRefs"])
def test_B1_no_setting_of_the_machine_hides_heartbeats_in_what_init_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    folder = remote(tmp_path)
    run("config", "--file", str(tmp_path / "gitconfig"), key, "refs/winslow", cwd=tmp_path)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    assert probe(str(folder)).good
    run("config", "--add", key, "refs/winslow", cwd=folder)
    assert setup.lacking(folder) == [key]
    init(folder, bare=True, files={}, author=AUTHOR)
    assert setup.lacking(folder) == []
    assert probe(str(folder)).good
    written = (folder / "config").read_bytes()
    init(folder, bare=True, files={}, author=AUTHOR)
    assert (folder / "config").read_bytes() == written


def test_init_refuses_what_is_not_ours(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").write_text("x")
    (tmp_path / "file").write_text("x")
    pygit2.init_repository(str(tmp_path / "other.git"), bare=True)
    for name in ("full", "file", "other.git"):
        with pytest.raises(CannotInit, match="new folder"):
            init(tmp_path / name, bare=True, files=FILES, author=AUTHOR)
    assert (tmp_path / "full" / "thesis.tex").read_text() == "x"


def test_init_without_bare_is_a_clone_to_work_in(tmp_path: Path) -> None:
    assert init(tmp_path / "deep" / "work", bare=False, files=FILES)
    work = tmp_path / "deep" / "work"
    assert (work / "pipelines" / "p.yaml").read_text() == FILES["pipelines/p.yaml"]
    assert run("status", "--porcelain", cwd=work).stdout == ""
    assert run("branch", "--list", "--format=%(refname)", cwd=work).stdout.split() == [layout.MAIN, layout.STATE]
    assert init(work, bare=False, files=FILES) is False


def refused(tmp_path: Path, files: dict[str, str | None]) -> str:
    one = client(tmp_path)
    outcome = one.propose(Edit(files, "edit", AUTHOR), base=one.fetch().main)
    assert isinstance(outcome, Rejected), outcome
    assert outcome.kind is Rejection.HOOK
    return outcome.text


def test_R1110_the_hook_names_every_mistake_with_its_place(tmp_path: Path) -> None:
    remote(tmp_path)
    text = refused(
        tmp_path,
        {
            "pipelines/a.yaml": "name: a\nstages: []\n",
            "pipelines/b.yaml": "name: c\nstages:\n  - {name: x, image: y}\n",
            "pipelines/C.yaml": "name: c\n",
            "projects/v/project.yaml": "pipelin: p\n",
            "projects/v/requests/0001-start.yaml": "request: strat\n",
            "nodes/n.yaml": "drain: perhaps\n",
        },
    )
    for place in (
        "pipelines/a.yaml:2:9",
        "pipelines/b.yaml:1:7",
        "pipelines/C.yaml:1:1",
        "projects/v/project.yaml:1:1",
        "projects/v/requests/0001-start.yaml:1:10",
        "nodes/n.yaml:1:8",
    ):
        assert place in text or "more" in text, (place, text)


def test_R1110_the_hook_looks_only_at_what_changed(tmp_path: Path) -> None:
    folder = remote(tmp_path)
    hook = folder / "hooks" / "pre-receive"
    hook.rename(folder / "aside")
    one = client(tmp_path)
    broken = Edit({"pipelines/old.yaml": "rubbish: [\n"}, "before there was a hook", AUTHOR)
    assert isinstance(one.propose(broken, base=one.fetch().main), Landed)
    (folder / "aside").rename(hook)
    good = Edit({"README.md": "x\n", "projects/v/project.yaml": None}, "unrelated", AUTHOR)
    assert isinstance(one.propose(good, base=one.fetch().main), Landed)


def test_R1110_what_is_too_large_or_a_link_is_refused(tmp_path: Path) -> None:
    remote(tmp_path)
    assert "at most" in refused(tmp_path, {"nodes/n.yaml": "# " + "x" * 300_000 + "\n"})
    run("clone", "--quiet", str(tmp_path / "remote.git"), "work", cwd=tmp_path)
    (tmp_path / "work" / "nodes").mkdir()
    (tmp_path / "work" / "nodes" / "n.yaml").symlink_to("/etc/passwd")
    run("add", ".", cwd=tmp_path / "work")
    run("commit", "-qm", "link", cwd=tmp_path / "work")
    assert "regular file" in run("push", cwd=tmp_path / "work").stderr


def test_the_settings_cannot_be_removed(tmp_path: Path) -> None:
    remote(tmp_path)
    assert "winslow.yaml" in refused(tmp_path, {"winslow.yaml": None})


def test_branches_are_neither_rewound_nor_deleted(tmp_path: Path) -> None:
    remote(tmp_path)
    run("clone", "--quiet", str(tmp_path / "remote.git"), "work", cwd=tmp_path)
    run("commit", "-q", "--amend", "--allow-empty", "-m", "other", cwd=tmp_path / "work")
    assert run("push", "--force", "origin", "main", cwd=tmp_path / "work").returncode != 0
    assert run("push", "origin", ":winslow/state", cwd=tmp_path / "work").returncode != 0
    assert run("push", "origin", ":main", cwd=tmp_path / "work").returncode != 0


def test_a_hook_without_its_winslow_lets_nodes_go_on_and_says_what_to_do(tmp_path: Path) -> None:
    folder = remote(tmp_path)
    hook = folder / "hooks" / "pre-receive"
    text = hook.read_text()
    python = next(line for line in text.splitlines() if line.startswith("python="))
    hook.write_text(text.replace(python, "python=/gone/python"))
    assert "no longer installed at /gone/python" in refused(tmp_path, {"README.md": "x\n"})
    one = client(tmp_path)
    assert isinstance(one.swap(one.fetch(), [claim(1)], node="n"), Landed)


def test_a_hook_that_hints_at_protection_or_fails_otherwise_is_told_apart(tmp_path: Path) -> None:
    hook = remote(tmp_path) / "hooks" / "pre-receive"
    one = client(tmp_path)
    said = "You are not allowed to push code to protected branches on this project."
    hook.write_text(f"#!/bin/sh\necho 'GitLab: {said}' >&2\nexit 1\n")
    outcome = one.swap(one.fetch(), [claim(1)], node="n")
    assert isinstance(outcome, Rejected)
    assert (outcome.kind, said in outcome.text) == (Rejection.PROTECTED, True)
    hook.write_text("#!/bin/sh\necho 'ask Ada' >&2\nexit 1\n")
    outcome = one.swap(one.fetch(), [claim(1)], node="n")
    assert isinstance(outcome, Rejected)
    assert (outcome.kind, "ask Ada" in outcome.text) == (Rejection.HOOK, True)


def test_a_server_without_push_options_is_pushed_to_without(tmp_path: Path) -> None:
    folder = remote(tmp_path)
    run("config", "receive.advertisePushOptions", "false", cwd=folder)
    one = client(tmp_path)
    one.direct = None
    assert isinstance(one.swap(one.fetch(), [claim(1)], node="n"), Landed)
    assert one.publisher.options is False


def test_the_probe_says_what_a_server_allows(tmp_path: Path) -> None:
    folder = remote(tmp_path)
    assert probe(str(folder)).good
    assert not [name for name in pygit2.Repository(str(folder)).references if "probe" in name]
    (folder / "hooks" / "update").write_text('#!/bin/sh\ncase "$1" in refs/winslow/*) exit 1;; esac\n')
    (folder / "hooks" / "update").chmod(0o755)
    found = probe(str(folder))
    assert not found.create
    assert "hook" in found.text


def test_a_watch_wakes_when_a_branch_moves(tmp_path: Path) -> None:
    folder = remote(tmp_path)
    woken = threading.Event()
    end = watch(str(folder), woken.set)
    one = client(tmp_path)
    try:
        for number in range(1, 20):  # the watch needs a moment before it sees anything
            one.swap(one.fetch(), [claim(number)], node="n")
            if woken.wait(0.25):
                break
        assert woken.is_set()
        time.sleep(0.2)
        woken.clear()
        run("pack-refs", "--all", cwd=folder)
        one.swap(one.fetch(), [claim(30)], node="n")
        assert woken.wait(5)
    finally:
        end()


@pytest.mark.parametrize("url", ["https://example.org/x.git", "git@example.org:x.git", "/nowhere"])
def test_where_nothing_can_be_watched_nothing_happens(url: str) -> None:
    watch(url, lambda: pytest.fail("woken"))()


def test_a_server_that_is_only_pushed_to_packs_what_came_together(tmp_path: Path) -> None:
    """Nodes that reach it by ssh or http cannot do it."""
    folder = remote(tmp_path)
    repo = pygit2.Repository(str(folder))
    many = {f"projects/v/logs/{number:04d}-s.txt": b"%d\n" % number for number in range(256 * (own_hook.LOOSE + 3))}
    head = repo[repo.references[layout.STATE].target].peel(pygit2.Commit)
    tree = commit_builder.write_tree(repo, head.tree, dict(many))
    message = f"many\n\nWinslow-Wanted: {repo.references[layout.MAIN].target}\n"
    made = commit_builder.commit(repo, [str(head.id)], tree, message, author=AUTHOR)
    repo.references.create(layout.STATE, made, force=True)
    loose = folder / "objects" / "17"
    assert len(list(loose.iterdir())) > own_hook.LOOSE
    one = client(tmp_path)
    one.direct = None
    assert isinstance(one.swap(one.fetch(), [claim(1)], node="n"), Landed)
    deadline = time.monotonic() + 30
    while loose.exists() and any(loose.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not loose.exists() or not any(loose.iterdir())
    assert run("fsck", "--connectivity-only", cwd=folder).returncode == 0
