"""The state repository in Git: a bare clone beside the node, reads by object id, writes by compare-and-swap push."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import pygit2

from flow.change import Commit, Write
from flow.world import Snapshot
from schema import layout
from schema.documents import render
from schema.errors import DocumentError
from schema.node import Heartbeat
from state import build, urls
from state.assemble import Assembler
from state.consistency import check_order
from state.errors import CredentialsRefused, Damaged, Inconsistent, NotAStateRepository, Unreachable
from state.message import compose
from state.program import TimedOut, git
from state.push import Publisher, Update
from state.read import Clone, CloneBranch, CloneHistory
from state.repository import Edit, Landed, Outcome, Rejected, Rejection

VIEW = "refs/winslow-view/"
OURS = "refs/winslow-ours/"
FETCH_TIMEOUT = 300.0
POLL_TIMEOUT = 60.0


class GitRepository:
    """One client. `clone` is a folder of its own: it is made, kept, and made anew when it is damaged."""

    def __init__(self, url: str, clone: Path, *, fetch_timeout: float = FETCH_TIMEOUT) -> None:
        self.url = urls.check(url)
        self.path = clone
        self.fetch_timeout = fetch_timeout
        self.local = urls.local_path(self.url)
        self.publisher = Publisher(clone, self.url)
        self._open()

    def _open(self) -> None:
        if not (self.path / "HEAD").exists():
            shutil.rmtree(self.path, ignore_errors=True)
            self.path.parent.mkdir(parents=True, exist_ok=True)
            pygit2.init_repository(str(self.path), bare=True)
        try:
            self.clone = Clone(pygit2.Repository(str(self.path)))
        except pygit2.GitError as error:
            raise Damaged(str(error)) from None
        self.assembler = Assembler()
        self._last: Snapshot | None = None
        self._beats: dict[str, str] = {}

    # -- reading ----------------------------------------------------------------------------------------------------

    def fetch(self) -> Snapshot:
        try:
            return self._fetch()
        except (Damaged, pygit2.GitError, ValueError, KeyError):
            shutil.rmtree(self.path, ignore_errors=True)  # nothing in it is not also on the server
            self._open()
            return self._fetch()

    def _fetch(self) -> Snapshot:
        for attempt in (1, 2):
            remote = self._listing()
            self._bring(remote)
            try:
                return self._snapshot(remote)
            except Inconsistent:
                if attempt == 2:
                    raise
        raise AssertionError("unreachable")

    def _listing(self) -> dict[str, str]:
        """Refs of the remote, `winslow/state` resolved before `main`."""
        return self._list_here(self.local) if self.local else self._list_there()

    def _list_here(self, folder: Path) -> dict[str, str]:
        try:
            repo = pygit2.Repository(str(folder))
        except pygit2.GitError:
            raise NotAStateRepository(
                f"there is no git repository at {folder}; `winslowctl init --bare` makes one"
            ) from None
        refs = {}
        for name in (layout.STATE, layout.MAIN):
            found = repo.references.get(name)
            if found is not None:
                refs[name] = str(found.target)
        for name in repo.references:
            if name.startswith((layout.NODES, layout.NODE_BRANCHES)):
                refs[name] = str(repo.references[name].target)
        return refs

    def _list_there(self) -> dict[str, str]:
        patterns = [layout.STATE, layout.MAIN, f"{layout.NODES}*", f"{layout.NODE_BRANCHES}*"]
        done = self._run(["ls-remote", "--", self.url, *patterns], POLL_TIMEOUT)
        pairs = (line.split("\t", 1) for line in done.splitlines() if "\t" in line)
        return {name: oid for oid, name in pairs}

    def _run(self, arguments: Sequence[str], timeout: float) -> str:
        try:
            done = git(arguments, folder=self.path, timeout=timeout)
        except TimedOut as error:
            raise Unreachable(f"{urls.shown(self.url)}: {error}") from None
        if done.code != 0:
            raise _failure(urls.shown(self.url), done.err)
        return done.out

    def _bring(self, remote: dict[str, str]) -> None:
        """Fetch what is not here yet."""
        repo = self.clone.repo
        wanted = {VIEW + "state": layout.STATE, VIEW + "main": layout.MAIN}
        for name in wanted.values():
            if name not in remote:
                raise NotAStateRepository(
                    f"{urls.shown(self.url)} has no {name.removeprefix('refs/heads/')}; `winslowctl init` makes one"
                )
        missing = [name for name in wanted.values() if remote[name] not in repo]
        if missing:
            specs = [f"+{ref}:{view}" for view, ref in wanted.items()]
            self._run(
                ["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--", self.url, *specs], self.fetch_timeout
            )
            for view, ref in wanted.items():
                remote[ref] = str(repo.references[view].target)
            return
        for view, ref in wanted.items():
            known = repo.references.get(view)
            if known is None or str(known.target) != remote[ref]:
                repo.references.create(view, remote[ref], force=True)

    def _snapshot(self, remote: dict[str, str]) -> Snapshot:
        main, state = remote[layout.MAIN], remote[layout.STATE]
        self._beats = {
            name.removeprefix(prefix): oid
            for prefix in (layout.NODE_BRANCHES, layout.NODES)
            for name, oid in remote.items()
            if name.startswith(prefix)
        }
        last = self._last
        if last and (last.main, last.state, last.heartbeats) == (main, state, self._beats):
            return last
        self._last = self.at(main, state)
        return self._last

    def at(self, main: str, state: str) -> Snapshot:
        """The snapshot at any pair of commits that is here, for instance of a merge request's branch."""
        branch = CloneBranch(self.clone, state, on_main=False)
        check_order(main, branch.wanted, self.descends)
        return self.assembler.snapshot(
            CloneBranch(self.clone, main, on_main=True),
            branch,
            CloneHistory(self.clone, main),
            wanted=branch.wanted,
            heartbeats=dict(self._beats),
        )

    def descends(self, tip: str, ancestor: str) -> bool:
        return self.clone.descends(tip, ancestor)

    def tips(self) -> tuple[str, str]:
        """(`main`, `winslow/state`) as of the last fetch."""
        references = self.clone.repo.references
        return str(references[VIEW + "main"].target), str(references[VIEW + "state"].target)

    def read_text(self, path: str) -> str | None:
        """A file of `winslow/state`."""
        return self._read(VIEW + "state", path)

    def read_main(self, path: str) -> str | None:
        return self._read(VIEW + "main", path)

    def _read(self, view: str, path: str) -> str | None:
        commit = self.clone.commit(str(self.clone.repo.references[view].target))
        blob = self.clone.entry(commit.tree, path)
        if blob is None:
            return None
        try:
            return self.clone.text(blob, path).decode(errors="replace")
        except DocumentError:
            return None

    def heartbeat(self, node: str) -> Heartbeat | None:
        oid = self._beats.get(node)
        if oid is None:
            return None
        try:
            if oid not in self.clone.repo:
                ref = layout.NODES + node
                self._run(
                    ["fetch", "--quiet", "--no-tags", "--", self.url, f"+{ref}:{OURS}seen/{node}"], self.fetch_timeout
                )
            return Heartbeat.model_validate_json(self.clone.text(oid, "heartbeat"))
        except (ValueError, KeyError):
            return None

    # -- writing ----------------------------------------------------------------------------------------------------

    def swap(self, base: Snapshot, commits: Sequence[Commit], *, node: str) -> Outcome:
        repo = self.clone.repo
        parent, tree = base.state, self.clone.commit(base.state).tree
        for commit in commits:
            written = build.write_tree(repo, tree, _contents(commit.writes))
            tree = repo[written]  # type: ignore[assignment]
            message = compose(commit.event, node=node, wanted=base.main)
            parent = build.commit(
                repo, [parent], written, message, name=f"node {node}", email=f"{node}@winslow.invalid"
            )
        return self._publish(layout.STATE, base.state, parent, view=VIEW + "state")

    def propose(self, edit: Edit, *, base: str) -> Outcome:
        repo = self.clone.repo
        files = {path: text.encode() if text is not None else None for path, text in edit.files.items()}
        written = build.write_tree(repo, self.clone.commit(base).tree, files)
        name, _, rest = edit.author.partition(" <")
        commit = build.commit(repo, [base], written, edit.message, name=name, email=rest.rstrip(">"))
        return self._publish(layout.MAIN, base, commit, view=VIEW + "main")

    def _publish(self, ref: str, expected: str | None, oid: str, *, view: str) -> Outcome:
        ours = OURS + ref.removeprefix("refs/")
        self.clone.repo.references.create(ours, oid, force=True)
        outcome = self.publisher.push([Update(ref, expected, ours)], oid)
        if isinstance(outcome, Landed):
            self.clone.repo.references.create(view, oid, force=True)
        return outcome

    def beat(self, heartbeat: Heartbeat, *, expected: str | None) -> Outcome:
        blob = str(self.clone.repo.create_blob(heartbeat.model_dump_json().encode()))
        ref = layout.NODES + heartbeat.node
        outcome = self._publish(ref, expected, blob, view=f"{OURS}beat/{heartbeat.node}")
        if isinstance(outcome, Rejected) and outcome.kind is not Rejection.RACE:
            return outcome
        return outcome


def _contents(writes: Sequence[Write]) -> dict[str, bytes | None]:
    return {write.path: _bytes(write) for write in writes}


def _bytes(write: Write) -> bytes | None:
    if write.content is None:
        return None
    text = write.content if isinstance(write.content, str) else render(write.content)
    return text.encode(errors="replace")


def _failure(url: str, text: str) -> Unreachable | CredentialsRefused:
    short = " | ".join(line.strip() for line in text.splitlines() if line.strip())[:400]
    words = short.lower()
    if any(word in words for word in ("authentication failed", "permission denied", "could not read username", "403")):
        return CredentialsRefused(f"{url} refuses our credentials: {short}")
    return Unreachable(f"{url} does not answer: {short}")
