"""The corpus of wrong documents against the two gates that people meet: `winslowctl validate`, and the bare remote."""

import subprocess
import sys
from pathlib import Path

import pygit2
import pytest

from schema import layout
from state.server.push_check import SHOWN
from tests.corpus.cases import RIGHT, WRONG, Case
from tests.integration.cli.command import Command
from tests.integration.git.remotes import FILES, remote, run, tip

GIB = 1 << 30
MOST_MEMORY = 150 * 1024
"""KiB that may be in use, of which Python and git themselves are most."""


def tree(folder: Path, cases: list[Case]) -> Path:
    for case in cases:
        path = folder / case.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(case.content)
    return folder


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A clone of a repository that `init --bare` made."""
    run("clone", "--quiet", str(remote(tmp_path)), "work", cwd=tmp_path)
    return tmp_path / "work"


def push(work: Path, cases: list[Case]) -> "subprocess.CompletedProcess[str]":
    tree(work, cases)
    run("add", "--all", cwd=work)
    run("commit", "--quiet", "-m", "some documents", cwd=work)
    return run("push", "--quiet", "origin", "main", cwd=work)


def test_S9_S13_R1110_validate_says_of_each_what_is_expected(tmp_path: Path) -> None:
    folder = tree(tmp_path, [*WRONG, *RIGHT, *(Case(path, text.encode(), ()) for path, text in FILES.items())])
    said = Command().run("validate", str(folder))
    assert said.code == 1
    expected = [line for case in WRONG for line in case.expected]
    assert sorted(line for line in said.out.splitlines()[:-1] if not line.startswith("note: ")) == sorted(expected)
    assert said.out.splitlines()[-1].endswith(f"documents, {len(expected)} problems")


@pytest.mark.slow
@pytest.mark.parametrize("start", range(0, len(WRONG), SHOWN // 2))
def test_S9_S13_R1110_the_remote_refuses_each_with_what_is_expected(work: Path, start: int) -> None:
    some = WRONG[start : start + SHOWN // 2]
    before = run("ls-remote", "origin", "main", cwd=work).stdout
    done = push(work, some)
    assert done.returncode != 0
    for line in [line for case in some for line in case.expected]:
        assert line in _unwrapped(done.stderr) or _too_large(line, done.stderr), line
    assert run("ls-remote", "origin", "main", cwd=work).stdout == before


def _unwrapped(said: str) -> str:
    return "\n".join(line.removeprefix("remote:").strip() for line in said.splitlines())


def _too_large(line: str, said: str) -> bool:
    """The hook knows the number of bytes."""
    return "too large" in line and f"{line.partition(': ')[0]}: the file has" in _unwrapped(said)


def test_S13_the_remote_takes_what_only_looks_wrong(work: Path) -> None:
    done = push(work, RIGHT)
    assert done.returncode == 0, done.stderr


def peak(*command: str, cwd: Path, given: str = "") -> tuple[int, str]:
    """KiB that the largest of a program and its children had in memory, and all that it said."""
    program = (
        "import resource, subprocess, sys\n"
        "done = subprocess.run(sys.argv[1:], input=sys.stdin.read(), capture_output=True, text=True)\n"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, done.stdout, done.stderr)"
    )
    whole = [sys.executable, "-c", program, *command]
    done = subprocess.run(whole, cwd=cwd, input=given, capture_output=True, text=True, check=True, timeout=60)
    used, _, said = done.stdout.partition(" ")
    return int(used), said


def test_S13_validate_does_not_load_a_gibibyte(tmp_path: Path) -> None:
    tree(tmp_path, [Case(path, text.encode(), ()) for path, text in FILES.items()])
    with (tmp_path / "pipelines" / "huge.yaml").open("wb") as file:
        file.truncate(GIB)
    used, said = peak(sys.executable, "-m", "cli.main", "validate", str(tmp_path), cwd=Path(__file__).parents[3])
    assert "pipelines/huge.yaml:1:1: the file is too large" in said
    assert used < MOST_MEMORY


@pytest.mark.slow
def test_S13_the_hook_does_not_load_a_gibibyte(tmp_path: Path) -> None:
    folder = remote(tmp_path)
    with (tmp_path / "huge").open("wb") as file:
        file.truncate(GIB)
    blob = run("hash-object", "-w", str(tmp_path / "huge"), cwd=folder).stdout.strip()
    old, new = _with_pipeline(folder, blob)
    used, said = peak(sys.executable, "-m", "state.hook", cwd=folder, given=f"{old} {new} {layout.MAIN}\n")
    assert f"pipelines/huge.yaml:1:1: the file has {GIB} bytes; at most 262144 are read" in said
    assert used < MOST_MEMORY


def _with_pipeline(folder: Path, blob: str) -> tuple[str, str]:
    """The tip of main, and a commit above it in which that blob is a pipeline."""
    repo = pygit2.Repository(str(folder))
    head = tip(repo, layout.MAIN)
    below = repo.TreeBuilder(repo[head.tree["pipelines"].id])  # type: ignore[arg-type]
    below.insert("huge.yaml", pygit2.Oid(hex=blob), 0o100644)
    whole = repo.TreeBuilder(head.tree)
    whole.insert("pipelines", below.write(), 0o040000)
    who = pygit2.Signature("Eve", "eve@example.org", 1_700_000_000, 0)
    return str(head.id), str(repo.create_commit(None, who, who, "huge", whole.write(), [head.id]))
