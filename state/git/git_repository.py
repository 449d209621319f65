"""The state repository in Git: a bare clone beside the node, reads by object id, writes by compare-and-swap push.

In the clone, `refs/winslow-view/` is what the remote held at the last fetch and `refs/winslow-ours/` what this node
made: the commits it pushed last, and tips that a rewound remote no longer holds (`lost/`).
"""

import re
import shutil
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pygit2

from flow.model.commits import Commit, Write
from flow.model.snapshot import Snapshot
from schema import layout
from schema.documents import render
from schema.node import Heartbeat
from state.contract.commit_message import compose
from state.contract.errors import Damaged, Inconsistent, NotAStateRepository, StateError
from state.contract.repository import Edit, Landed, Outcome, Rejected, Rejection, SignOfLife
from state.direct.direct_push import DirectPush, MainCheck
from state.direct.ref_transaction import RefMove
from state.git import commit_builder, locks, maintenance, spill
from state.git.branch import CloneBranch
from state.git.clone import Clone
from state.git.clone_reader import VIEW, CloneReader
from state.git.heartbeats import PLACES, Beats, BeatUpdate
from state.git.local_fetch import bring
from state.git.state_line import CloneLine
from state.snapshot.assembler import Assembler
from state.snapshot.consistency import check_order
from state.snapshot.replay import FIRST_LOOK, MOST, Flags, Spoke, replay
from state.transport import urls
from state.transport.push import Publisher, Update
from state.transport.remote import Remote, damaged
from state.transport.server_answers import broken_refs, own_words

OURS = "refs/winslow-ours/"
REPLAYED = f"{VIEW}replayed"
"""The commit of `winslow/state` up to which nothing is left to be flagged."""
_NO_FLAGS: Flags = {}
FETCH_TIMEOUT = 300.0
RENEW_EVERY = 60.0
"""Seconds between two clones at least: a server that is damaged itself would make every one useless."""
TIDY_EVERY = 1000
"""Writes and fetches between two tidyings of the clone: each leaves a handful of loose objects."""
MANY_PACKS = 24
"""In a repository by path, before they are made one: each direct push leaves one."""
_NO_ROOM = re.compile(r"no space left|disk quota|read-only file system|permission denied|too many open", re.IGNORECASE)


class GitRepository(CloneReader):
    """One client. `clone` is a folder of its own: it is made, kept, and made anew when it is damaged."""

    def __init__(
        self, url: str, clone: Path, *, fetch_timeout: float = FETCH_TIMEOUT, check: MainCheck | None = None
    ) -> None:
        """`check` spares pushes to `main` of a repository by path the hook that would do the same."""
        self.url = urls.check(url)
        self.path = clone
        self.remote = Remote(self.url, clone, fetch_timeout)
        self.publisher = Publisher(clone, self.url)
        self.direct = DirectPush(self.remote.folder, self.url, check) if self.remote.folder else None
        self._packing: threading.Thread | None = None
        self._work = 0
        self._renewed: float | None = None
        self._own: Path | None = None  # the clone on the disk, while that is full and another one is used
        try:
            self._open()
        except Damaged:
            self._anew()

    def _open(self) -> None:
        if not self.path.exists() or not any(self.path.iterdir()):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            pygit2.init_repository(str(self.path), bare=True)
        try:
            self.clone = Clone(pygit2.Repository(str(self.path)))
        except pygit2.GitError as error:
            raise Damaged(f"the clone {self.path} cannot be opened: {error}") from None
        self.assembler = Assembler()
        self._last: Snapshot | None = None
        self.beats = Beats(self.clone, self.remote, self._publish, self.publisher.remove)
        self._replayed, self._unwritten, self._spoke = "", _NO_FLAGS, Spoke()
        self._damaged = False

    def _anew(self) -> None:
        """Nothing in it is not also on the server, except what a rewound server lost: that is set aside, once."""
        self._renewed = time.monotonic()
        aside = self.path.with_name(self.path.name + ".damaged")
        shutil.rmtree(aside, ignore_errors=True)
        if self.path.exists():
            self.path.rename(aside)
        self._open()

    # -- reading ----------------------------------------------------------------------------------------------------

    def _use(self, clone: Path) -> None:
        self.path = self.remote.clone = self.publisher.clone = clone
        self._open()

    def _spill(self, error: Exception) -> bool:
        """Whether the disk of the clone is full, and one in memory can be used until it has room again."""
        at = spill.place(self.path) if self._own is None and spill.FULL.search(str(error)) else None
        if at is None:
            return False
        try:
            spill.make(self.path, at)
        except StateError:
            return False
        self._own = self.path
        self._use(at)
        return True

    def _go_back(self) -> None:
        """To the clone on the disk, once that has room."""
        if self._own is None or not spill.has_room(self._own):
            return
        at, own, self._own = self.path, self._own, None
        self._use(own)
        shutil.rmtree(at, ignore_errors=True)

    def fetch(self) -> Snapshot:
        self._go_back()
        try:
            return self._whole()
        except (StateError, OSError) as error:
            locks.clear(self.path)  # so that the next look may work
            if self._spill(error):
                return self._whole()
            if isinstance(error, StateError):
                raise
            raise StateError(f"the clone {self.path} cannot be written: {error}") from None

    def _whole(self) -> Snapshot:
        """From this clone, or from a new one where this is damaged."""
        try:
            if self._damaged:
                raise Damaged(f"the clone {self.path} is damaged")
            return self._fetch()
        except (Damaged, pygit2.GitError) as error:
            if _NO_ROOM.search(str(error)):
                raise StateError(f"the clone {self.path} cannot be written: {error}") from None
            if self._renewed is not None and time.monotonic() - self._renewed < RENEW_EVERY:
                raise Damaged(f"{error}, although it was cloned anew just now") from None
            self._ask_first()
            self._anew()
            return self._fetch()

    def _ask_first(self) -> None:
        """While the server is away there is nothing to make a clone from, and this one is all that can be shown."""
        with suppress(Damaged, pygit2.GitError):  # git may be unable to ask from a damaged clone
            self.remote.refs()

    def _fetch(self) -> Snapshot:
        for _ in range(2):
            refs = self.remote.refs()
            self._bring(refs)
            try:
                return self._snapshot(refs)
            except Inconsistent as error:
                again = error
        raise again

    def _bring(self, refs: dict[str, str]) -> None:
        """Fetch what is not here yet, and remember what the remote holds."""
        repo = self.clone.repo
        views = {layout.STATE: VIEW + "state", layout.MAIN: VIEW + "main"}
        missing = [refs[name] for name in views if refs[name] not in repo.odb]
        if missing:
            if not (self.remote.folder and bring(self.clone, self.remote.folder, missing)):
                self.remote.fetch([f"+{name}:{view}.new" for name, view in views.items()])
                refs.update({name: self._brought(view + ".new") for name, view in views.items()})
            self._worked()
        for name, view in views.items():
            self._move(view, refs[name])

    def _brought(self, ref: str) -> str:
        """git says nothing where it takes nothing: a shallow clone is no remote."""
        found = self.clone.repo.references.get(ref)
        if found is None:
            raise NotAStateRepository(f"{self.remote.shown} is a shallow clone; `git fetch --unshallow` there mends it")
        return str(found.target)

    def _move(self, view: str, tip: str) -> None:
        known = self.clone.repo.references.get(view)
        before = str(known.target) if known else tip
        if before != tip and not self.clone.descends(tip, before):
            self.clone.repo.references.create(f"{OURS}lost/{before}", before, force=True)
        if known is None or before != tip:
            self.clone.repo.references.create(view, tip, force=True)

    def _snapshot(self, refs: dict[str, str]) -> Snapshot:
        main, state = refs[layout.MAIN], refs[layout.STATE]
        beats, last = self.beats.look(refs), self._last
        if last and (last.main, last.state, last.heartbeats) == (main, state, beats):
            return last
        decided = CloneBranch(self.clone, state)
        check_order(main, decided.wanted, self.clone.descends)
        unwritten = self._replay(state)
        found = self.assembled(self.assembler, main, state, beats, unwritten)
        self._last = replace(found, spoke=dict(self._spoke))
        return self._last

    def _replay(self, tip: str) -> Flags:
        """What was found in commits that are new, and where this left off: at what its flags are written of."""
        mark = self.clone.repo.references.get(REPLAYED)
        since = self._replayed or (str(mark.target) if mark else "")
        if since != tip:
            known = since and self.clone.descends(tip, since)
            commits = CloneLine(self.clone).commits(tip, since, MOST if known else FIRST_LOOK)
            self._unwritten = replay(CloneLine(self.clone), self._unwritten if known else {}, commits, self._spoke)
            self._replayed = tip
        if not self._unwritten and (mark is None or str(mark.target) != tip):
            with suppress(OSError):
                self.clone.repo.references.create(REPLAYED, tip, force=True)
        return self._unwritten

    def descends(self, tip: str, ancestor: str) -> bool:
        try:
            return self.clone.descends(tip, ancestor)
        except Damaged:
            self._damaged = True
            raise

    def heartbeat(self, node: str) -> Heartbeat | None:
        return self.beats.heartbeat(node)

    # -- writing ----------------------------------------------------------------------------------------------------

    def swap(
        self,
        base: Snapshot,
        commits: Sequence[Commit],
        *,
        node: str,
        beat: SignOfLife | None = None,
        author: str = "",
    ) -> Outcome:
        """`author`: a person, who settles something."""
        try:
            tip = self._built(base, commits, node, author or f"node {node} <{node}@winslow.invalid>")
            beside = self.beats.beside(beat) if beat else None
        except (Damaged, pygit2.GitError, OSError) as error:
            return self._not_built(error)
        self.beats.node = node
        outcome = self._publish(layout.STATE, base.state, tip, view=VIEW + "state", beside=beside)
        if not isinstance(outcome, Landed):
            return outcome
        if beside:
            self.beats.arrived(beside)
        return Landed(tip, self._after(base, tip), beat=beside.oid if beside else "")

    def _built(self, base: Snapshot, commits: Sequence[Commit], node: str, author: str) -> str:
        repo, parent = self.clone.repo, base.state
        for commit in commits:
            tree = commit_builder.write_tree(repo, self.clone.tree_of(parent), _contents(commit.writes))
            message = compose(commit.event, node=node, wanted=base.main)
            parent = commit_builder.commit(repo, [parent], tree, message, author=author)
        return parent

    def _after(self, base: Snapshot, state: str) -> Snapshot | None:
        """It has landed, whatever can be said of it."""
        try:
            unwritten = self._replay(state)
            found = self.assembled(self.assembler, base.main, state, self.beats.ids, unwritten)
            self._last = replace(found, spoke=dict(self._spoke))
        except (StateError, pygit2.GitError):
            return None
        return self._last

    def propose(self, edit: Edit, *, base: str) -> Outcome:
        files = {path: text.encode() if text is not None else None for path, text in edit.files.items()}
        try:
            tree = commit_builder.write_tree(self.clone.repo, self.clone.tree_of(base), files)
            commit = commit_builder.commit(self.clone.repo, [base], tree, edit.message, author=edit.author)
        except (Damaged, pygit2.GitError, OSError) as error:
            return self._not_built(error)
        return self._publish(layout.MAIN, base, commit, view=VIEW + "main")

    def beat(self, heartbeat: Heartbeat, *, expected: str | None) -> Outcome:
        try:
            return self.beats.beat(heartbeat, expected)
        except (Damaged, pygit2.GitError, OSError) as error:
            return self._not_built(error)

    def _not_built(self, error: Exception) -> Outcome:
        """Nothing was sent: a disk that is full, or a clone that the next fetch makes anew."""
        self._damaged = self._damaged or isinstance(error, Damaged)
        self._spill(error)
        return Rejected(Rejection.NOT_SENT, f"the commit could not be built: {error}")

    def _publish(
        self, ref: str, expected: str | None, oid: str, view: str = "", beside: BeatUpdate | None = None
    ) -> Outcome:
        """`beside`: a heartbeat that lands with it, or not at all."""
        references = self.clone.repo.references
        wanted = [(ref, expected, oid), *([(beside.ref, beside.expected, beside.oid)] if beside else [])]
        try:
            for name, _, new in wanted:
                references.create(_ours(name), new, force=True)
        except OSError as error:
            locks.clear(self.path)
            return self._not_built(error)
        outcome = self._directly([RefMove(*each) for each in wanted], oid)
        if outcome is None:
            outcome = self._sent([Update(name, before, _ours(name)) for name, before, _ in wanted], oid)
        if isinstance(outcome, Landed):
            if view:
                with suppress(OSError):  # it has landed; the next look moves this
                    references.create(view, oid, force=True)
            self._worked()
        elif damaged(own_words(outcome.text)):
            self._damaged = True
        return outcome

    def _directly(self, moves: Sequence[RefMove], oid: str) -> Outcome | None:
        """None where it is git's to do, or the remote is not read as a folder."""
        if self.direct is None or self.remote.folder is None:
            return None
        outcome = self.direct.push(self.clone.repo, moves, oid)
        packing = self._packing is not None and self._packing.is_alive()
        if self.direct.packs > MANY_PACKS and not packing and maintenance.is_ours(self.direct.folder):
            self._packing = maintenance.pack_aside(self.direct.folder)
        return outcome

    def _sent(self, updates: Sequence[Update], oid: str) -> Outcome:
        """A ref of this node's that keeps the server from taking any push is removed: its next heartbeat makes it anew.

        Git's prune may take a heartbeat's blob between its arrival and its ref, and the server takes nothing after.
        """
        outcome = self.publisher.push(updates, oid)
        if not isinstance(outcome, Rejected) or outcome.kind is not Rejection.BROKEN_REF:
            return outcome
        broken = broken_refs(outcome.text)
        own = broken & {place + self.beats.node for place in PLACES}
        if own and all(map(self.publisher.remove, sorted(own))):
            return self.publisher.push(updates, oid)
        ref = min(broken - own or own, default="REF")
        remedy = f"`git push {self.remote.shown} :{ref}` removes it, and its node makes it anew"
        return replace(outcome, text=f"{outcome.text}; {remedy}")

    def _worked(self) -> None:
        self._work += 1
        if self._work % TIDY_EVERY == 0 and self._own is None:
            maintenance.tidy_aside(self.path)
            if self.remote.folder and maintenance.is_ours(self.remote.folder):
                maintenance.tidy_aside(self.remote.folder)


def _ours(ref: str) -> str:
    return OURS + ref.removeprefix("refs/")


def _contents(writes: Sequence[Write]) -> dict[str, bytes | None]:
    return {write.path: _bytes(write) for write in writes}


def _bytes(write: Write) -> bytes | None:
    if write.content is None:
        return None
    text = write.content if isinstance(write.content, str) else render(write.content)
    return text.encode(errors="replace")
