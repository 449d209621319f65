"""The server behind repositories in memory: blobs, commits, refs. Ids are deterministic."""

import hashlib
from collections import OrderedDict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice

from pydantic import BaseModel

from flow.model.commits import StateEvent, Write
from flow.model.snapshot import Snapshot
from schema import layout
from schema.documents import render
from schema.errors import DocumentError
from schema.node import Heartbeat
from state.snapshot.assembler import Assembler
from state.snapshot.document_cache import DocumentCache
from state.snapshot.replay import Flags, Replayed, replay
from state.snapshot.trees import CONFIRM, DELETE_NOW, LOOK_BACK, PROJECTS, Introduced, folder_of, says

Content = str | BaseModel
SNAPSHOTS = 64
"""Pairs of commits whose snapshot is remembered."""


class Folder(dict[str, str]):
    """Path to blob. Never changed once it is in a commit, so `oid` stands for the content."""

    __slots__ = ("oid",)
    oid: str


@dataclass(frozen=True, slots=True)
class MemoryCommit:
    oid: str
    parent: str | None
    folders: Mapping[str, Folder]
    event: StateEvent = field(default_factory=lambda: StateEvent("edit"))
    writes: tuple[Write, ...] = ()
    node: str = ""
    wanted: str = ""
    author: str = ""
    message: str = ""
    depth: int = 0

    def blob(self, path: str) -> str | None:
        folder = self.folders.get(folder_of(path))
        return folder.get(path) if folder else None


class MemoryServer:
    """`refs` are the two branches; `beats` (node to object id and heartbeat) is replaced, never changed."""

    def __init__(self, *, verify: bool = False) -> None:
        self.verify = verify
        self.contents: dict[str, Content] = {}
        self.commits: dict[str, MemoryCommit] = {}
        self.refs: dict[str, str] = {}
        self.beats: Mapping[str, tuple[str, Heartbeat]] = {}
        self.parsed = DocumentCache()
        self.assembler = Assembler()
        self.snapshots: OrderedDict[tuple[str, str], Snapshot] = OrderedDict()
        self._unwritten: dict[str, Flags] = {}  # by commit of `winslow/state`
        self._counter = 0
        self._histories: dict[str, list[MemoryCommit]] = {}

    @classmethod
    def create(cls, files: Mapping[str, str], *, verify: bool = False) -> "MemoryServer":
        server = cls(verify=verify)
        main = server.commit(None, files, author="winslow <winslow>", message="Begin")
        server.refs[layout.MAIN] = main.oid
        server.refs[layout.STATE] = server.commit(None, {}, wanted=main.oid).oid
        return server

    # -- writing ----------------------------------------------------------------------------------------------------

    def commit(self, parent: str | None, files: Mapping[str, Content | None], **facts: object) -> MemoryCommit:
        """No ref moves. Removals of folders come first."""
        before = self.commits[parent] if parent else None
        folders = self._changed(before.folders if before else {}, files)
        oid = hashlib.sha1(f"{parent}{self._next()}".encode()).hexdigest()
        made = MemoryCommit(oid, parent, folders, depth=before.depth + 1 if before else 0, **facts)  # type: ignore[arg-type]
        self.commits[oid] = made
        return made

    def _changed(self, base: Mapping[str, Folder], files: Mapping[str, Content | None]) -> Mapping[str, Folder]:
        new: dict[str, Folder] = dict(base)
        fresh: dict[str, Folder] = {}
        for path, content in sorted(files.items(), key=lambda item: not item[0].endswith("/")):
            if path.endswith("/"):
                self._without(new, fresh, path)
            else:
                folder = self._opened(new, fresh, folder_of(path))
                if content is None:
                    folder.pop(path, None)
                else:
                    folder[path] = self.put(content)
        return {name: folder for name, folder in new.items() if folder}

    def _without(self, new: dict[str, Folder], fresh: dict[str, Folder], prefix: str) -> None:
        for name in [name for name in new if f"{name}/".startswith(prefix) or prefix.startswith(f"{name}/")]:
            folder = self._opened(new, fresh, name)
            for path in [path for path in folder if path.startswith(prefix)]:
                del folder[path]

    def _opened(self, new: dict[str, Folder], fresh: dict[str, Folder], name: str) -> Folder:
        """A folder of the new commit that may be changed."""
        if name not in fresh:
            fresh[name] = new[name] = Folder(new.get(name, {}))
            fresh[name].oid = self._next()
        return fresh[name]

    def put(self, content: Content) -> str:
        if isinstance(content, BaseModel) and self.verify:
            content = render(content)
        blob = hashlib.sha1(content.encode()).hexdigest() if isinstance(content, str) else self._next()
        self.contents[blob] = content
        return blob

    def beat(self, heartbeat: Heartbeat) -> str:
        oid = self._next()
        self.beats = {**self.beats, heartbeat.node: (oid, heartbeat)}
        return oid

    def rewind(self, ref: str, count: int) -> str:
        """Take the last commits off a branch; the tip that was lost."""
        tip = self.refs[ref]
        self.refs[ref] = next(islice(self.line(tip), count, None)).oid
        return tip

    def _next(self) -> str:
        self._counter += 1
        return f"{self._counter:040x}"

    # -- reading ----------------------------------------------------------------------------------------------------

    def line(self, oid: str, most: int | None = None) -> Iterator[MemoryCommit]:
        """From a commit back to the first one."""
        at = self.commits.get(oid)
        while at and most != 0:
            yield at
            at = self.commits[at.parent] if at.parent else None
            most = None if most is None else most - 1

    def is_ancestor(self, ancestor: str, tip: str) -> bool:
        if ancestor not in self.commits:
            return False
        depth, at = self.commits[ancestor].depth, self.commits.get(tip)
        while at and at.depth > depth:
            at = self.commits[at.parent] if at.parent else None
        return at is not None and at.oid == ancestor

    def history(self, ref: str) -> list[MemoryCommit]:
        """Oldest first, without the first commit. Not to be changed."""
        known = self._histories.setdefault(ref, [])
        fresh = []
        for commit in self.line(self.refs[ref]):
            if commit.depth <= len(known) and (not commit.depth or known[commit.depth - 1] is commit):
                del known[commit.depth :]
                break
            fresh.append(commit)
        known.extend(reversed(fresh))
        return known

    def main_paths(self, prefix: str) -> list[str]:
        folders = self.commits[self.refs[layout.MAIN]].folders
        return [path for path in folders.get(folder_of(prefix), ()) if path.startswith(prefix)]

    def text(self, ref: str, path: str) -> str | None:
        blob = self.commits[self.refs[ref]].blob(path)
        content = self.contents.get(blob) if blob else None
        return render(content) if isinstance(content, BaseModel) else content

    def unwritten(self, tip: str) -> Flags:
        """The flags of commits that are not on the branch at that tip, replayed from the first commit on."""
        todo, at = [], self.commits.get(tip)
        while at is not None and at.oid not in self._unwritten:
            todo.append(at)
            at = self.commits[at.parent] if at.parent else None
        found: Flags = self._unwritten[at.oid] if at else {}
        for commit in reversed(todo):
            found = replay(MemoryLine(self), found, [_replayed(self, commit)]) if commit.parent else {}
            self._unwritten[commit.oid] = found
        return found

    def branch(self, tip: str) -> "MemoryBranch":
        return MemoryBranch(self, tip)

    def remember(self, pair: tuple[str, str], snapshot: Snapshot) -> None:
        self.snapshots[pair] = snapshot
        if len(self.snapshots) > SNAPSHOTS:
            self.snapshots.popitem(last=False)


@dataclass(frozen=True, slots=True)
class MemoryBranch:
    """A branch at a commit, and its history."""

    server: MemoryServer
    tip: str

    def projects(self) -> Iterable[str]:
        prefix = f"{PROJECTS}/"
        return [name.removeprefix(prefix) for name in self._folders(self.tip) if name.startswith(prefix)]

    def content(self, folder: str) -> str | None:
        found = self._folders(self.tip).get(folder)
        return found.oid if found else None

    def changed(self, before: str) -> Collection[str]:
        old, new = self._folders(before), self._folders(self.tip)
        names = {name for name in old.keys() | new.keys() if old.get(name) is not new.get(name)}
        return {name.removeprefix(f"{PROJECTS}/") for name in names if name.startswith(f"{PROJECTS}/")}

    def _folders(self, tip: str) -> Mapping[str, Folder]:
        return self.server.commits[tip].folders

    def files(self, folder: str) -> Mapping[str, str]:
        return self.server.commits[self.tip].folders.get(folder, {})

    def trees(self, folder: str) -> Mapping[str, str]:
        below: dict[str, list[str]] = {}
        for path, blob in sorted(self.files(folder).items()):
            name, slash, rest = path.removeprefix(f"{folder}/").partition("/")
            if slash:
                below.setdefault(name, []).append(f"{rest}={blob}")
        return {name: hashlib.sha1("\n".join(files).encode()).hexdigest() for name, files in below.items()}

    def holds(self, tree: str, name: str) -> bool:
        found = self.files("images")
        return any(path.endswith(f"/{name}") and self.trees("images")[path.split("/")[1]] == tree for path in found)

    def document(self, kind: str, path: str, blob: str) -> BaseModel:
        return self.server.parsed.document(kind, path, blob, lambda: self.server.contents[blob])

    def text(self, path: str, blob: str) -> str:
        content = self.server.contents[blob]
        return render(content) if isinstance(content, BaseModel) else content

    def in_force(self, kind: str, path: str) -> BaseModel | None:
        for commit in self.server.line(self.tip):
            blob = commit.blob(path)
            if blob is None:
                continue
            try:
                return self.document(kind, path, blob)
            except DocumentError:
                continue
        return None

    def pinned(self, pipeline: str, commit: str) -> BaseModel | None:
        path = layout.pipeline(pipeline)
        for candidate in self.server.line(self.tip):
            if candidate.oid.startswith(commit):
                blob = candidate.blob(path)
                return self.document("pipeline", path, blob) if blob else None
        return None

    def introduced(self, path: str, blob: str) -> Introduced:
        found = self.server.commits[self.tip]
        for commit in self.server.line(self.tip):
            if commit.blob(path) != blob:
                break
            found = commit
        return Introduced(found.oid, found.author)

    def removed(self, path: str) -> tuple[Introduced, bool] | None:
        found = self.server.commits[self.tip]
        for commit in self.server.line(self.tip):
            if commit.blob(path) is not None:
                return Introduced(found.oid, found.author), says(found.message, DELETE_NOW)
            found = commit
        return None

    def departed(self) -> Collection[str]:
        *_, oldest = self.server.line(self.tip, most=LOOK_BACK)
        return set(self.server.branch(oldest.oid).projects()) - set(self.projects())

    def confirmed(self, since: frozenset[str]) -> bool:
        left = set(since)
        for commit in self.server.line(self.tip):
            if says(commit.message, CONFIRM):
                return True
            left.discard(commit.oid)
            if not left:
                return False
        return False


@dataclass(frozen=True, slots=True)
class MemoryLine:
    """The line of `winslow/state`, as a replay reads it."""

    server: MemoryServer

    def commits(self, tip: str, since: str, most: int) -> Iterable[Replayed]:
        line = []
        for commit in self.server.line(tip, most):
            if commit.oid == since or not commit.parent:
                break
            line.append(_replayed(self.server, commit))
        return reversed(line)

    def files(self, commit: str, folder: str) -> Mapping[str, str]:
        return self.server.commits[commit].folders.get(folder, {})

    def document(self, kind: str, path: str, blob: str) -> BaseModel:
        return self.server.branch("").document(kind, path, blob)


def _replayed(server: MemoryServer, commit: MemoryCommit) -> Replayed:
    assert commit.parent
    old, new = server.commits[commit.parent].folders, commit.folders
    changes = []
    nothing: Mapping[str, str] = {}
    for name in sorted(old.keys() | new.keys()):
        before, after = old.get(name, nothing), new.get(name, nothing)
        if before is not after:
            changes += [
                (path, before.get(path, ""), after.get(path, ""))
                for path in sorted(before.keys() | after.keys())
                if before.get(path) != after.get(path)
            ]
    return Replayed(commit.oid, commit.parent, commit.node, commit.event.verb, commit.author, tuple(changes))
