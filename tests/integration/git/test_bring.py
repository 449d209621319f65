"""Commits copied from a repository by path, object by object: complete, or left to git."""

import subprocess
from pathlib import Path

import pygit2
import pytest

from schema import layout
from state.git import commit_builder
from state.git.clone import Clone
from state.git.local_fetch import bring
from state.server.setup import init
from tests.contract.repositories import AUTHOR, FILES, tip


@pytest.fixture
def pair(tmp_path: Path) -> tuple[pygit2.Repository, Clone]:
    """A remote, and a clone that has all of it."""
    init(tmp_path / "remote.git", bare=True, files=FILES, author=AUTHOR)
    subprocess.run(["git", "clone", "-q", "--bare", f"file://{tmp_path}/remote.git", f"{tmp_path}/c.git"], check=True)
    return pygit2.Repository(str(tmp_path / "remote.git")), Clone(pygit2.Repository(str(tmp_path / "c.git")))


def commit(repo: pygit2.Repository, files: dict[str, bytes | None], *parents: str) -> str:
    tree = commit_builder.write_tree(repo, repo[parents[0]].tree, files)  # type: ignore[union-attr]
    return commit_builder.commit(repo, list(parents), tree, "more", author=AUTHOR)


def complete(clone: Clone, oid: str) -> bool:
    """Git itself finds everything that the commit needs."""
    command = ["git", "--git-dir", clone.repo.path, "rev-list", "--objects", "--quiet", oid]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


def test_commits_come_with_all_they_need(pair: tuple[pygit2.Repository, Clone], tmp_path: Path) -> None:
    repo, clone = pair
    one = commit(repo, {"projects/v/requests/0001-start.yaml": b"request: start\n"}, str(tip(repo, layout.MAIN).id))
    two = commit(repo, {"projects/new/deep/a/b": b"x", "projects/w/project.yaml": None}, one)
    assert bring(clone, tmp_path / "remote.git", [two])
    assert complete(clone, two)
    assert clone.entry(str(clone.commit(two).tree_id), "projects/new/deep/a/b")


def test_merges_come_with_both_sides(pair: tuple[pygit2.Repository, Clone], tmp_path: Path) -> None:
    repo, clone = pair
    base = str(tip(repo, layout.MAIN).id)
    left, right = commit(repo, {"a/l": b"l"}, base), commit(repo, {"b/r": b"r"}, base)
    right = commit(repo, {"b/r2": b"r2"}, right)
    merged = commit(repo, {"b/r": b"r", "b/r2": b"r2"}, left, right)
    assert bring(clone, tmp_path / "remote.git", [merged])
    assert all(complete(clone, oid) for oid in (merged, left, right))


def test_a_commit_that_is_reached_twice_comes_before_all_that_lead_to_it(
    pair: tuple[pygit2.Repository, Clone], tmp_path: Path
) -> None:
    """By the short way first: in between, no commit is ever here whose parent is not."""
    repo, clone = pair
    early = commit(repo, {"a": b"1"}, str(tip(repo, layout.MAIN).id))
    later = commit(repo, {"a": b"3"}, commit(repo, {"a": b"2"}, early))
    merged = commit(repo, {"a": b"4"}, early, later)
    assert bring(clone, tmp_path / "remote.git", [merged])
    assert all(complete(clone, oid) for oid in (merged, later, early))


def test_what_was_cut_off_is_not_taken_for_complete(pair: tuple[pygit2.Repository, Clone], tmp_path: Path) -> None:
    repo, clone = pair
    one = commit(repo, {"projects/v/requests/0001-start.yaml": b"request: start\n"}, str(tip(repo, layout.MAIN).id))
    blob = repo[one].tree["projects"]["v"]["requests"]["0001-start.yaml"]  # type: ignore[union-attr, index]
    clone.repo.odb.write(int(blob.type), blob.read_raw())
    assert bring(clone, tmp_path / "remote.git", [one])
    assert complete(clone, one)


def test_git_has_to_fetch_what_is_unusual(pair: tuple[pygit2.Repository, Clone], tmp_path: Path) -> None:
    repo, clone = pair
    base = str(tip(repo, layout.MAIN).id)
    large = commit(repo, {"large": b"x" * 2_000_000}, base)
    many = commit(repo, {f"many/{number}": b"%d" % number for number in range(2500)}, base)
    alone = commit_builder.commit(repo, [], tip(repo, layout.MAIN).tree_id, "no parent", author=AUTHOR)
    for unusual in (large, many, alone, "0" * 40):
        assert not bring(clone, tmp_path / "remote.git", [unusual])
        assert unusual not in clone.repo
