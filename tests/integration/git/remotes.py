"""Real repositories on this machine, for tests."""

import subprocess
from pathlib import Path

import pygit2

from flow.model.commits import Commit, StateEvent, Write
from schema import layout
from schema.execution import Claim, Execution, State
from state.git.git_repository import GitRepository
from state.server.setup import init

AUTHOR = "Ada Lovelace <ada@example.org>"
FILES = {
    "winslow.yaml": "schema: 1\nname: lab\n",
    "pipelines/p.yaml": "name: p\nstages:\n  - {name: work, image: host/x, command: [echo, hi]}\n",
    "projects/v/project.yaml": "pipeline: p\n",
}


def remote(folder: Path) -> Path:
    init(folder / "remote.git", bare=True, files=FILES, author=AUTHOR)
    return folder / "remote.git"


def client(folder: Path, name: str = "one") -> GitRepository:
    return GitRepository(str(folder / "remote.git"), folder / f"{name}.git")


def claim(number: int, node: str = "n") -> Commit:
    record = Execution(
        execution=number,
        stage="work",
        chain=1,
        request="0001-start.yaml",
        state=State.CLAIMED,
        claim=Claim(id=f"{number:032x}", container=f"{number:032x}", node=node, incarnation="i"),
    )
    return Commit(StateEvent("claim", "v", number, "work"), (Write(layout.execution("v", number, "work"), record),))


def tip(repo: pygit2.Repository, ref: str) -> pygit2.Commit:
    found = repo[repo.references[ref].target]
    assert isinstance(found, pygit2.Commit)
    return found


def land(repo: pygit2.Repository, tree: pygit2.Oid, parents: list[str], ref: str = layout.MAIN, name: str = "E") -> str:
    """A commit made by no client of ours."""
    who = pygit2.Signature(name, f"{name.lower()}@example.org", 1_700_000_000, 0)
    oid = str(repo.create_commit(None, who, who, "made by hand\n\nWinslow-Wanted: ", tree, parents))
    repo.references.create(ref, oid, force=True)
    return oid


def run(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """The plain git program, as a person uses it."""
    identity = ["-c", "user.name=Bob", "-c", "user.email=bob@example.org"]
    return subprocess.run(["git", *identity, *arguments], cwd=cwd, capture_output=True, text=True, check=False)
