"""The implementations under the one contract suite, each with two clients of one repository."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pygit2

from schema import layout
from state.contract.repository import Edit, Landed, Repository
from state.git import commit_builder
from state.git.git_repository import GitRepository
from state.memory.memory_repository import MemoryRepository, MemoryServer
from state.server.setup import init

AUTHOR = "Ada Lovelace <ada@example.org>"
FILES = {
    "winslow.yaml": "schema: 1\nname: lab\n",
    "pipelines/p.yaml": "name: p\nstages:\n  - {name: work, image: host/x, command: [echo, hi]}\n",
    "projects/v/project.yaml": "pipeline: p\nname: Crossing\n",
    "projects/w/project.yaml": "pipeline: p\n",
}
Files = Mapping[str, str | None]


@dataclass(frozen=True)
class Pair:
    """Two clients of one repository; `rewind` and `force` act on the server, past hooks and clients.

    `force(ref, files, message)` commits, whatever it is.
    """

    one: Repository
    two: Repository
    rewind: Callable[[str, int], None]
    force: Callable[[str, Files, str], str]

    def edit(self, files: Files, message: str = "edit", author: str = AUTHOR) -> str:
        outcome = self.one.propose(Edit(files, message, author), base=self.one.fetch().main)
        assert isinstance(outcome, Landed), outcome
        return outcome.oid

    def break_main(self, files: Files, message: str = "rubbish") -> str:
        return self.force(layout.MAIN, files, message)

    def break_state(self, files: Files) -> str:
        main = self.one.fetch().main
        return self.force(layout.STATE, files, f"break\n\nWinslow-Wanted: {main}\n")


def memory(folder: Path) -> Pair:
    server = MemoryServer.create(FILES, verify=True)

    def rewind(ref: str, count: int) -> None:
        server.rewind(ref, count)

    def force(ref: str, files: Files, message: str) -> str:
        wanted = server.refs[layout.MAIN] if ref == layout.STATE else ""
        commit = server.commit(server.refs[ref], files, author=AUTHOR, message=message, wanted=wanted)
        server.refs[ref] = commit.oid
        return commit.oid

    return Pair(MemoryRepository(server), MemoryRepository(server), rewind, force)


def by_path(folder: Path) -> Pair:
    return _git(folder, str(folder / "remote.git"))


def by_file_url(folder: Path) -> Pair:
    return _git(folder, f"file://{folder / 'remote.git'}")


def served(folder: Path, url: str) -> Pair:
    """Behind a real server, which knows `folder / "remote.git"` as `url`."""
    return _git(folder, url)


def by_program(folder: Path) -> Pair:
    """As a server elsewhere: refs and objects come through the git program alone."""
    pair = by_file_url(folder)
    for client in (pair.one, pair.two):
        assert isinstance(client, GitRepository)
        client.remote.folder = None
    return pair


def _git(folder: Path, url: str) -> Pair:
    remote = folder / "remote.git"
    init(remote, bare=True, files=FILES, author=AUTHOR)

    def rewind(ref: str, count: int) -> None:
        repo = pygit2.Repository(str(remote))
        commit = tip(repo, ref)
        for _ in range(count):
            commit = commit.parents[0]
        repo.references.create(ref, commit.id, force=True)

    def force(ref: str, files: Files, message: str) -> str:
        repo = pygit2.Repository(str(remote))
        head = tip(repo, ref)
        contents = {path: None if text is None else text.encode() for path, text in files.items()}
        tree = commit_builder.write_tree(repo, head.tree, contents)
        oid = commit_builder.commit(repo, [str(head.id)], tree, message, author=AUTHOR)
        repo.references.create(ref, oid, force=True)
        return oid

    return Pair(GitRepository(url, folder / "one.git"), GitRepository(url, folder / "two.git"), rewind, force)


def tip(repo: pygit2.Repository, ref: str) -> pygit2.Commit:
    found = repo[repo.references[ref].target]
    assert isinstance(found, pygit2.Commit)
    return found


ALL = {"memory": memory, "path": by_path, "file": by_file_url, "program": by_program}
