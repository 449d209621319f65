"""A state repository in memory: the verified fake behind simulations. The same contract suite holds it to the real one.

Several clients share one server. Documents are kept as the objects they were written as; with `verify` every write goes
through its text and back, as in Git.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import BaseModel

from flow.change import Commit, Event, Write
from flow.world import Snapshot
from schema import documents, layout
from schema.documents import render
from schema.errors import DocumentError
from schema.node import Heartbeat
from state.assemble import Assembler
from state.consistency import check_order
from state.repository import Edit, Landed, Outcome, Rejected, Rejection
from state.trees import Introduced

Content = str | BaseModel
DELETE_NOW = "Winslow-Delete: now"
CONFIRM = "Winslow-Confirm-Deletions: yes"


@dataclass(frozen=True, slots=True)
class MemoryCommit:
    oid: str
    parent: str | None
    tree: Mapping[str, str]  # path -> blob
    event: Event = field(default_factory=lambda: Event("edit"))
    writes: tuple[Write, ...] = ()
    node: str = ""
    wanted: str = ""
    author: str = ""
    message: str = ""
    depth: int = 0


class MemoryServer:
    """What a Git server holds: blobs, commits, refs."""

    def __init__(self, *, verify: bool = False) -> None:
        self.verify = verify
        self.contents: dict[str, Content] = {}
        self.parsed: dict[tuple[str, str], BaseModel] = {}
        self.commits: dict[str, MemoryCommit] = {}
        self.refs: dict[str, str] = {}
        self.counter = 0

    @classmethod
    def create(cls, files: Mapping[str, str], *, verify: bool = False) -> "MemoryServer":
        server = cls(verify=verify)
        main = server._commit(None, server._changed({}, files), author="winslow <winslow>", message="Begin")
        server.refs[layout.MAIN] = main.oid
        server.refs[layout.STATE] = server._commit(None, {}, wanted=main.oid).oid
        return server

    def put(self, content: Content) -> str:
        if isinstance(content, BaseModel) and self.verify:
            content = render(content)
        if isinstance(content, str):
            blob = hashlib.sha1(content.encode()).hexdigest()
        else:
            self.counter += 1
            blob = f"{self.counter:040x}"
        self.contents[blob] = content
        return blob

    def _changed(self, tree: Mapping[str, str], files: Mapping[str, Content | None]) -> dict[str, str]:
        new = dict(tree)
        for path, content in files.items():
            if content is None:
                for gone in [p for p in new if p == path or (path.endswith("/") and p.startswith(path))]:
                    del new[gone]
            else:
                new[path] = self.put(content)
        return new

    def _commit(self, parent: str | None, tree: Mapping[str, str], **facts: object) -> MemoryCommit:
        self.counter += 1
        oid = hashlib.sha1(f"{parent}{self.counter}".encode()).hexdigest()
        depth = self.commits[parent].depth + 1 if parent else 0
        commit = MemoryCommit(oid, parent, tree, depth=depth, **facts)  # type: ignore[arg-type]
        self.commits[oid] = commit
        return commit

    def line(self, oid: str) -> list[MemoryCommit]:
        """From a commit back to the first one."""
        found, at = [], self.commits.get(oid)
        while at:
            found.append(at)
            at = self.commits[at.parent] if at.parent else None
        return found

    def is_ancestor(self, ancestor: str, tip: str) -> bool:
        if ancestor not in self.commits:
            return False
        depth, at = self.commits[ancestor].depth, self.commits.get(tip)
        while at and at.depth > depth:
            at = self.commits[at.parent] if at.parent else None
        return at is not None and at.oid == ancestor

    def history(self, ref: str) -> list[MemoryCommit]:
        """Oldest first, without the first commit."""
        return self.line(self.refs[ref])[::-1][1:]

    def main_paths(self, prefix: str) -> list[str]:
        return [path for path in self.commits[self.refs[layout.MAIN]].tree if path.startswith(prefix)]

    def rewind(self, ref: str, count: int) -> str:
        """Take the last commits off a branch; the tip that was lost."""
        tip = self.refs[ref]
        self.refs[ref] = self.line(tip)[count].oid
        return tip

    def document(self, kind: str, path: str, blob: str) -> BaseModel:
        key = (kind, blob)
        if key not in self.parsed:
            content = self.contents[blob]
            self.parsed[key] = documents.parse(kind, content, path) if isinstance(content, str) else content
        return self.parsed[key]


@dataclass(frozen=True, slots=True)
class _Branch:
    server: MemoryServer
    tip: str

    def blobs(self) -> Mapping[str, str]:
        return self.server.commits[self.tip].tree

    def document(self, kind: str, path: str, blob: str) -> BaseModel:
        return self.server.document(kind, path, blob)


@dataclass(frozen=True, slots=True)
class _History:
    server: MemoryServer
    tip: str

    def in_force(self, kind: str, path: str) -> BaseModel | None:
        for commit in self.server.line(self.tip):
            blob = commit.tree.get(path)
            if blob is None:
                continue
            try:
                return self.server.document(kind, path, blob)
            except DocumentError:
                continue
        return None

    def pinned(self, pipeline: str, commit: str) -> BaseModel | None:
        path = layout.pipeline(pipeline)
        for candidate in self.server.line(self.tip):
            if candidate.oid.startswith(commit) and path in candidate.tree:
                return self.server.document("pipeline", path, candidate.tree[path])
        return None

    def introduced(self, path: str, blob: str) -> Introduced:
        found = self.server.commits[self.tip]
        for commit in self.server.line(self.tip):
            if commit.tree.get(path) != blob:
                break
            found = commit
        return Introduced(found.oid, found.author)

    def removed(self, path: str) -> tuple[Introduced, bool]:
        found = self.server.commits[self.tip]
        for commit in self.server.line(self.tip):
            if path in commit.tree:
                break
            found = commit
        return Introduced(found.oid, found.author), DELETE_NOW in found.message.splitlines()

    def confirmed(self) -> bool:
        return CONFIRM in self.server.commits[self.tip].message.splitlines()


class MemoryRepository:
    """One client of a server in memory."""

    def __init__(self, server: MemoryServer) -> None:
        self.server = server
        self.assembler = Assembler()
        self._last: Snapshot | None = None

    def fetch(self) -> Snapshot:
        return self._at(self.server.refs[layout.MAIN], self.server.refs[layout.STATE])

    def fetch_with_aged_main(self, commits: int) -> Snapshot:
        """As if `main` had been resolved from a mirror that lags behind."""
        line = self.server.line(self.server.refs[layout.MAIN])
        return self._at(line[min(commits, len(line) - 1)].oid, self.server.refs[layout.STATE])

    def _at(self, main: str, state: str) -> Snapshot:
        server = self.server
        wanted = server.commits[state].wanted
        check_order(main, wanted, self.descends)
        beats = {
            ref.removeprefix(layout.NODES): oid for ref, oid in server.refs.items() if ref.startswith(layout.NODES)
        }
        last = self._last
        if last and (last.main, last.state, last.heartbeats) == (main, state, beats):
            return last
        self._last = self.assembler.snapshot(
            _Branch(server, main), _Branch(server, state), _History(server, main), wanted=wanted, heartbeats=beats
        )
        return self._last

    def swap(self, base: Snapshot, commits: Sequence[Commit], *, node: str) -> Outcome:
        if self.server.refs[layout.STATE] != base.state:
            return Rejected(Rejection.RACE, "winslow/state moved")
        return self._land(base, commits, node)

    def _land(self, base: Snapshot, commits: Sequence[Commit], node: str) -> Outcome:
        server = self.server
        parent = server.refs[layout.STATE]
        for commit in commits:
            files: dict[str, Content | None] = {write.path: write.content for write in commit.writes}
            tree = server._changed(server.commits[parent].tree, files)
            parent = server._commit(
                parent, tree, event=commit.event, writes=commit.writes, node=node, wanted=base.main
            ).oid
        server.refs[layout.STATE] = parent
        return Landed(parent)

    def beat(self, heartbeat: Heartbeat, *, expected: str | None) -> Outcome:
        ref = layout.NODES + heartbeat.node
        if self.server.refs.get(ref) != expected:
            return Rejected(Rejection.RACE, f"{ref} moved")
        self.server.refs[ref] = self.server.put(heartbeat.model_dump_json())
        return Landed(self.server.refs[ref])

    def heartbeat(self, node: str) -> Heartbeat | None:
        oid = self.server.refs.get(layout.NODES + node)
        content = self.server.contents.get(oid) if oid else None
        return Heartbeat.model_validate_json(content) if isinstance(content, str) else None

    def descends(self, tip: str, ancestor: str) -> bool:
        return self.server.is_ancestor(ancestor, tip)

    def propose(self, edit: Edit, *, base: str) -> Outcome:
        server = self.server
        if server.refs[layout.MAIN] != base:
            return Rejected(Rejection.RACE, "main moved")
        tree = server._changed(server.commits[base].tree, dict(edit.files))
        commit = server._commit(base, tree, author=edit.author, message=edit.message)
        server.refs[layout.MAIN] = commit.oid
        return Landed(commit.oid)

    def read_main(self, path: str) -> str | None:
        return self._read(layout.MAIN, path)

    def read_text(self, path: str) -> str | None:
        """A file of `winslow/state`."""
        return self._read(layout.STATE, path)

    def _read(self, ref: str, path: str) -> str | None:
        blob = self.server.commits[self.server.refs[ref]].tree.get(path)
        content = self.server.contents.get(blob) if blob else None
        return render(content) if isinstance(content, BaseModel) else content
