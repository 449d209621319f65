"""The implementations under the one contract suite, each with two clients of one repository."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from state.git import GitRepository
from state.memory import MemoryRepository, MemoryServer
from state.repository import Edit, Landed, Repository
from state.setup import init

AUTHOR = "Ada Lovelace <ada@example.org>"
FILES = {
    "winslow.yaml": "schema: 1\nname: lab\n",
    "pipelines/p.yaml": "name: p\nstages:\n  - {name: work, image: host/x, command: [echo, hi]}\n",
    "projects/v/project.yaml": "pipeline: p\nname: Crossing\n",
    "projects/w/project.yaml": "pipeline: p\n",
}


@dataclass(frozen=True)
class Pair:
    """Two clients of one repository, and a way to edit `main` as a person."""

    one: Repository
    two: Repository
    rewind: Callable[[str, int], None]

    def edit(self, files: dict[str, str | None], message: str = "edit", author: str = AUTHOR) -> str:
        outcome = self.one.propose(Edit(files, message, author), base=self.one.fetch().main)
        assert isinstance(outcome, Landed), outcome
        return outcome.oid


def memory(folder: Path) -> Pair:
    server = MemoryServer.create(FILES, verify=True)

    def rewind(ref: str, count: int) -> None:
        server.rewind(ref, count)

    return Pair(MemoryRepository(server), MemoryRepository(server), rewind)


def by_path(folder: Path) -> Pair:
    return _git(folder, str(folder / "remote.git"))


def by_file_url(folder: Path) -> Pair:
    return _git(folder, f"file://{folder / 'remote.git'}")


def _git(folder: Path, url: str) -> Pair:
    import pygit2

    init(folder / "remote.git", bare=True, files=FILES, author=AUTHOR)

    def rewind(ref: str, count: int) -> None:
        repo = pygit2.Repository(str(folder / "remote.git"))
        commit = repo[repo.references[ref].target]
        for _ in range(count):
            commit = commit.parents[0]  # type: ignore[attr-defined]
        repo.references.create(ref, commit.id, force=True)

    return Pair(GitRepository(url, folder / "one.git"), GitRepository(url, folder / "two.git"), rewind)


ALL = {"memory": memory, "path": by_path, "file": by_file_url}
