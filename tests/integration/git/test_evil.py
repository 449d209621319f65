"""S3, S4, S13: what a hostile repository or a hostile text can make of the clone and of the git program."""

import os
import resource
import subprocess
import time
from pathlib import Path

import pygit2
import pytest

from schema import layout
from state.contract.errors import StateError, Unreachable
from state.contract.repository import Edit, Landed
from state.git.commit_builder import BadPath
from state.git.git_repository import GitRepository
from state.git.heartbeat_probe import probe
from state.transport import command, credentials, urls
from tests.integration.git.remotes import AUTHOR, client, land, remote, run, tip

LINK, MODULE, FILE, FOLDER = 0o120000, 0o160000, 0o100644, 0o040000


def raw_tree(repo: pygit2.Repository, entries: list[tuple[int, bytes, str]]) -> pygit2.Oid:
    """A tree object with any names at all: no library would write these."""
    content = b"".join(b"%o %s\0" % (mode, name) + bytes.fromhex(oid) for mode, name, oid in entries)
    return repo.odb.write(pygit2.enums.ObjectType.TREE, content)


def entries_of(tree: pygit2.Tree) -> list[tuple[int, bytes, str]]:
    return [(int(entry.filemode), entry.raw_name or b"", str(entry.id)) for entry in tree]


def with_entries(folder: Path, *added: tuple[int, bytes, str]) -> None:
    repo = pygit2.Repository(str(folder / "remote.git"))
    head = tip(repo, layout.MAIN)
    names = {name for _, name, _ in added}
    kept = [entry for entry in entries_of(head.tree) if entry[1] not in names]
    tree = raw_tree(repo, sorted([*kept, *added], key=lambda entry: entry[1]))
    land(repo, tree, [str(head.id)])


def test_S3_a_link_is_never_followed(tmp_path: Path) -> None:
    remote(tmp_path)
    secret = tmp_path / "secret"
    secret.write_text("name: stolen\nstages:\n  - {name: a, image: x}\n")
    repo = pygit2.Repository(str(tmp_path / "remote.git"))
    link = str(repo.create_blob(str(secret).encode()))
    builder = repo.TreeBuilder()
    builder.insert("stolen.yaml", link, LINK)
    builder.insert("p.yaml", link, LINK)
    with_entries(tmp_path, (FOLDER, b"pipelines", str(builder.write())))
    snapshot = client(tmp_path).fetch()
    assert set(snapshot.pipelines) == {"p"}, "the older version, from the history"
    assert snapshot.pipelines["p"].stages[0].name == "work"
    assert sorted(problem.text.split(": ")[0] for problem in snapshot.problems) == [
        "pipelines/p.yaml:1:1",
        "pipelines/stolen.yaml:1:1",
    ]


def test_S3_evil_trees_are_read_without_leaving_the_repository(tmp_path: Path) -> None:
    remote(tmp_path)
    repo = pygit2.Repository(str(tmp_path / "remote.git"))
    inner = repo.TreeBuilder()
    inner.insert("project.yaml", repo.create_blob(b"pipeline: p\n"), FILE)
    project = str(inner.write())
    hooks = raw_tree(repo, [(FOLDER, b"hooks", project), (FILE, b"config", str(repo.create_blob(b"[core]\n")))])
    modules = str(repo.create_blob(b'[submodule "x"]\n path = x\n url = ext::sh -c "touch canary"\n'))
    here = entries_of(tip(repo, layout.MAIN).tree)
    projects = next(oid for _, name, oid in here if name == b"projects")
    evil = raw_tree(
        repo,
        [
            (FOLDER, b"..", project),
            (FOLDER, b".git", str(hooks)),
            (FOLDER, b"a/b", project),
            (FOLDER, b"\xff\xfe", project),
            (MODULE, b"module", "1" * 40),
            (LINK, b"linked", str(repo.create_blob(b"/etc"))),
            *entries_of(repo[projects]),  # type: ignore[arg-type]
        ],
    )
    with_entries(
        tmp_path,
        (FOLDER, b".git", str(hooks)),
        (FOLDER, b"..", project),
        (FILE, b".gitmodules", modules),
        (FOLDER, b"projects", str(evil)),
    )
    snapshot = client(tmp_path).fetch()
    assert set(snapshot.projects) == {"v"}
    assert [problem.text.split(":")[0] for problem in snapshot.problems] == ["projects/linked", "projects/module"]
    assert not list(tmp_path.rglob("canary"))


def test_S3_a_folder_where_a_file_belongs_is_a_problem(tmp_path: Path) -> None:
    remote(tmp_path)
    repo = pygit2.Repository(str(tmp_path / "remote.git"))
    pipelines = next(oid for _, name, oid in entries_of(tip(repo, layout.MAIN).tree) if name == b"pipelines")
    with_entries(tmp_path, (FOLDER, b"nodes", str(raw_tree(repo, [(FOLDER, b"gpu-01.yaml", pipelines)]))))
    problems = client(tmp_path).fetch().problems
    assert any(problem.text.startswith("nodes/gpu-01.yaml:1:1: a regular file") for problem in problems)


def test_S3_a_link_is_no_document_even_if_its_target_reads_like_one(tmp_path: Path) -> None:
    remote(tmp_path)
    repo = pygit2.Repository(str(tmp_path / "remote.git"))
    builder = repo.TreeBuilder()
    builder.insert("gpu-01.yaml", repo.create_blob(b"drain: true\n"), LINK)
    with_entries(tmp_path, (FOLDER, b"nodes", str(builder.write())))
    snapshot = client(tmp_path).fetch()
    assert snapshot.nodes == {}
    assert snapshot.problems[0].text.startswith("nodes/gpu-01.yaml:1:1: a regular file")


def test_S13_a_huge_blob_is_judged_by_its_header(tmp_path: Path) -> None:
    remote(tmp_path)
    blob = subprocess.run(
        ["git", "hash-object", "-w", "--stdin"],
        input=bytes(300 * 1024 * 1024), cwd=tmp_path / "remote.git", capture_output=True, check=True,
    ).stdout.decode().strip()  # fmt: skip
    repo = pygit2.Repository(str(tmp_path / "remote.git"))
    builder = repo.TreeBuilder()
    builder.insert("gpu-01.yaml", blob, FILE)
    nodes = str(builder.write())
    with_entries(tmp_path, (FOLDER, b"nodes", nodes))
    reader = client(tmp_path)
    reader._bring(reader.remote.refs())  # what is measured is the reading, after the fetch
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
    snapshot = reader.fetch()
    assert time.perf_counter() - began < 1.0
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50 * 1024
    assert "314572800 bytes" in snapshot.problems[0].text
    assert snapshot.nodes == {}


CANARY = [
    "--upload-pack=touch {canary}",
    "-x",
    "ext::sh -c touch% {canary}",
    "-oProxyCommand=touch {canary}",
    "ssh://-oProxyCommand=touch%20{canary}/x",
    "ssh://a@-oProxyCommand=touch/x",
    "user@-oProxyCommand=touch:x",
    "host:-oProxyCommand=touch",
    "fd::17",
    "https://example.org/x%0a--upload-pack=touch",
    "file://host/x",
    "http://",
    "",
    "a\nb",
]


@pytest.mark.parametrize("text", CANARY)
def test_S4_no_text_becomes_an_option_or_a_program(tmp_path: Path, text: str) -> None:
    canary = tmp_path / "canary"
    with pytest.raises(urls.BadUrl, match="no repository address"):
        GitRepository(text.format(canary=canary), tmp_path / "c.git").fetch()
    with pytest.raises(urls.BadUrl):
        probe(text.format(canary=canary))
    assert not canary.exists()


@pytest.mark.parametrize("text", ["--upload-pack=touch canary", "-x", "ext::sh -c touch", "-oProxyCommand=touch"])
def test_S4_texts_in_edits_are_texts(tmp_path: Path, text: str) -> None:
    remote(tmp_path)
    one = client(tmp_path)
    base = one.fetch().main
    files = {f"docs/{text}/x.yaml": text, text: text}
    assert isinstance(one.propose(Edit(files, text, f"{text} <{text}>"), base=base), Landed)
    one.fetch()
    assert one.read_main(text) == text
    assert not list(tmp_path.rglob("canary"))


@pytest.mark.parametrize(
    "path", ["../x", "/x", "a/../b", ".git/config", "a/.GIT/hooks/x", ".gitmodules", "a//b", "a\0b"]
)
def test_S9_an_edit_cannot_leave_the_tree(tmp_path: Path, path: str) -> None:
    remote(tmp_path)
    one = client(tmp_path)
    with pytest.raises(BadPath):
        one.propose(Edit({path: "x"}, "evil", AUTHOR), base=one.fetch().main)


GIVEN = {*command.KEPT, *command.FIXED, *credentials.PASSED, *credentials.PROXIES, "GIT_SSH_COMMAND"}


def test_S11_the_environment_of_the_controller_does_not_reach_git(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    canary = tmp_path / "canary"
    for name in ("GIT_SSH_COMMAND", "GIT_EXTERNAL_DIFF", "GIT_PROXY_COMMAND", "GIT_EXEC_PATH"):
        monkeypatch.setenv(name, f"touch {canary}")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("LD_PRELOAD", str(canary))
    remote(tmp_path)
    assert client(tmp_path).fetch().settings.name == "lab"
    assert set(command.environment()) <= GIVEN
    assert not canary.exists()


def slow_git(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    fake = folder / "bin" / "git"
    fake.parent.mkdir()
    fake.write_text(f"#!/bin/sh\n{script}\n")
    fake.chmod(0o755)
    monkeypatch.setattr(command, "program", lambda: str(fake))


def test_F25_a_git_that_hangs_is_ended_with_all_its_children(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slow_git(tmp_path, monkeypatch, f"sleep 60 & echo $! > {tmp_path}/child; wait")
    began = time.monotonic()
    with pytest.raises(command.TimedOut, match=r"longer than 0\.3 s"):
        command.git(["push"], folder=tmp_path, timeout=0.3)
    assert time.monotonic() - began < 5
    child = int((tmp_path / "child").read_text())
    for _ in range(100):
        if not Path(f"/proc/{child}").exists() or "Z" in Path(f"/proc/{child}/stat").read_text().split()[2]:
            return
        time.sleep(0.02)
    os.kill(child, 0)
    pytest.fail("the child is still there")


def test_F25_a_hanging_poll_is_unreachable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slow_git(tmp_path, monkeypatch, "sleep 60")
    monkeypatch.setattr("state.transport.remote.POLL_TIMEOUT", 0.2)
    with pytest.raises(Unreachable, match="longer than"):
        GitRepository("https://example.org/x.git", tmp_path / "c.git").fetch()


def test_S11_git_is_given_the_few_variables_it_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WINSLOW_SECRET", "x")
    monkeypatch.setenv("GIT_TRACE", "/tmp/trace")
    slow_git(tmp_path, monkeypatch, "env")
    given = {line.split("=")[0] for line in command.git(["fetch"], folder=tmp_path, timeout=30).out.splitlines()}
    assert given <= GIVEN | {"PWD", "_", "SHLVL"}
    assert {"PATH", "GIT_TERMINAL_PROMPT", "GIT_SSH_COMMAND"} <= given


def test_a_git_that_never_stops_talking_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slow_git(tmp_path, monkeypatch, "exec yes")
    with pytest.raises(StateError, match="more than is sensible"):
        command.git(["fetch"], folder=tmp_path, timeout=30)


def test_a_pipe_that_is_left_open_delays_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As an ssh master does that stays behind (ControlPersist)."""
    slow_git(tmp_path, monkeypatch, "echo done; setsid sleep 5 &")
    began = time.monotonic()
    assert command.git(["fetch"], folder=tmp_path, timeout=30).out == "done\n"
    assert time.monotonic() - began < 3


def test_R1110_the_hook_holds_for_the_plain_git_program_too(tmp_path: Path) -> None:
    run("clone", "--quiet", str(remote(tmp_path)), "work", cwd=tmp_path)
    (tmp_path / "work" / "pipelines" / "bad.yaml").write_text("name: bad\nstages: []\n")
    run("add", ".", cwd=tmp_path / "work")
    run("commit", "-qm", "bad", cwd=tmp_path / "work")
    done = run("push", cwd=tmp_path / "work")
    assert done.returncode != 0
    assert "pipelines/bad.yaml:2:" in done.stderr
