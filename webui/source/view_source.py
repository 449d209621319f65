"""What the page knows: a snapshot, how old it is, and which nodes show signs of life."""

import json
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol, TypeVar

from flow.model.snapshot import Judged, Snapshot
from flow.node.node_states import NodeState, judge
from flow.node.sightings import Sightings, looked, missed
from runner.worker import keep_at
from state.contract.errors import StateError
from state.git.clone_reader import CloneReader, Reader
from state.git.git_repository import GitRepository
from state.snapshot.assembler import Assembler
from state.transport.watch import watch_place
from webui.source.nudges import nudge
from webui.source.unsent import Beneath, UnsentCommits

NODE_VIEW = "view.json"
"""What the node writes in its data directory (`controller.loop.view_file`)."""
Answer = TypeVar("Answer")
LOOK_EVERY = 1.0
"""Seconds between two looks at that file, where nobody says that it changed; each costs one `stat`."""


LATE = 5.0
"""Seconds beyond two polls after which a view that nobody renews is called old."""


class NothingYet(StateError):
    """There is no view; the text says what to wait for."""


@dataclass(frozen=True, slots=True)
class Look:
    """`heard` is when the server last answered, by the wall clock here; `silence` seconds without a sign of life.

    `away`: it did not answer when it was asked last, which is done every `poll` seconds. `sent` is the newest commit of
    `main` that the server has, where the snapshot is of a later one, which waits in the outbox.
    """

    snapshot: Snapshot
    heard: float
    node: str = ""
    silence: Mapping[str, float] = field(default_factory=dict)
    halted: str | None = None
    away: bool = False
    poll: float = 5.0
    sent: str = ""

    @property
    def late(self) -> bool:
        """Whether more is known to have happened than is shown: the server is away, or nobody asks it any more."""
        return self.away or self.age > LATE + 2 * self.poll

    @property
    def age(self) -> float:
        return max(0.0, time.time() - self.heard)

    def judged(self) -> "Look":
        """With what follows from the silence of nodes. The same snapshot as long as that says nothing new."""
        found = judge(self.snapshot, self.silence, {})
        if self.halted and self.node in self.snapshot.inventories:
            found[self.node] = Judged(NodeState.HALTED, self.halted)
        return self if found == self.snapshot.judged else replace(self, snapshot=replace(self.snapshot, judged=found))


class ViewSource(Protocol):
    """`clone` is for reading single files and the event log of what `look` showed last."""

    @property
    def clone(self) -> CloneReader: ...

    def look(self) -> Look:
        """NothingYet, StateError."""
        ...

    def tell(self, wake: Callable[[], None]) -> None:
        """Call `wake`, from another thread, when there may be something new to look at. Only a hint."""
        ...

    def hurry(self) -> None:
        """Somebody says that the server has something new. Waits for nothing."""
        ...

    def made(self, commit: str, clone: Path) -> None:
        """This page committed to `main`, from that clone: whoever asked for it sees it at the next look."""
        ...

    def show(self, unsent: UnsentCommits) -> None:
        """From now on `look` is with what waits to be sent."""
        ...


class NodeSource:
    """The view of the node beside which this page runs: nothing is asked of the server."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self._lock = threading.Lock()
        self._assembler = Assembler()
        self._reader: Reader | None = None
        self._known: tuple[tuple[int, int], Look] | None = None
        self._last: Snapshot | None = None
        self._made: tuple[str, Path] | None = None
        self._unsent: UnsentCommits | None = None
        self._listeners: list[Callable[[], None]] = []

    @property
    def clone(self) -> CloneReader:
        return self._opened()

    def _opened(self) -> Reader:
        if self._reader is None:
            self._reader = Reader(self.data / "clone.git")
        return self._reader

    def look(self) -> Look:
        with self._lock:
            stamp = self._stamp()
            if self._known is None or self._known[0] != stamp:
                self._known = (stamp, self._read())
            look = _idle(self._known[1], time.time() - stamp[0] / 1e9)
            self._known, self._last = (stamp, look), look.snapshot
            found = _with_unsent(look, self._unsent, self)
            if found is look and self._reader:  # what waited was sent, or taken back
                self._reader.ahead = self._made[0] if self._made else ""
            return found

    def tell(self, wake: Callable[[], None]) -> None:
        self._listeners.append(wake)
        watch_place(self.data, wake, lambda path: path.endswith(f"/{NODE_VIEW}"), recursive=False)

    def hurry(self) -> None:
        nudge(self.data)

    def made(self, commit: str, clone: Path) -> None:
        with self._lock:
            self._made, self._known = (commit, clone), None
        with suppress(OSError):  # a full disk: the node looks by itself soon
            self.hurry()
        self._wake()

    def show(self, unsent: UnsentCommits) -> None:
        self._unsent, unsent.outbox.changed = unsent, self._wake

    def _wake(self) -> None:
        for wake in self._listeners:
            wake()

    def clones(self) -> list[Path]:
        return [self.data / "clone.git", *([self._made[1]] if self._made else [])]

    def with_ahead(self, base: Snapshot, commit: str, folder: Path) -> Snapshot:
        self._opened().see_ahead(commit, folder)
        return self._opened().assembled(self._assembler, commit, base.state, base.heartbeats)

    def read(self, commit: str, path: str) -> str | None:
        return self._opened().read_at(commit, path)

    def _stamp(self) -> tuple[int, int]:
        try:
            found = (self.data / NODE_VIEW).stat()
        except OSError:
            raise NothingYet("the node has no view of the repository yet; this page shows it once it has") from None
        return found.st_mtime_ns, found.st_ino

    def _read(self) -> Look:
        view = json.loads((self.data / NODE_VIEW).read_text())
        if "main" not in view:
            raise NothingYet(f"the node has not reached the repository yet ({view.get('halted') or 'it is trying'})")
        last = self._last
        pair, beats = (self._newest(view["main"]), view["state"]), view["heartbeats"]
        if last is None or (last.main, last.state, dict(last.heartbeats)) != (*pair, beats):
            last = self._assembled(*pair, beats)
        return Look(
            last, float(view["heard"]), view["node"], view["silence"], view["halted"],
            away=bool(view.get("away")), poll=float(view.get("poll", 5.0)),
        ).judged()  # fmt: skip

    def _newest(self, main: str) -> str:
        """What this page committed itself, until the node's view holds it too."""
        if self._made is None:
            return main
        commit, clone = self._made
        try:
            self._opened().see_ahead(commit, clone)
            if commit != main and self._opened().descends(commit, main):
                return commit
        except StateError:  # one of the two clones was made anew
            pass
        self._made = None
        return main

    def _assembled(self, main: str, state: str, beats: Mapping[str, str]) -> Snapshot:
        try:
            return self.clone.assembled(self._assembler, main, state, beats)
        except StateError:  # the node has made its clone anew
            self._reader, self._assembler = None, Assembler()
            return self.clone.assembled(self._assembler, main, state, beats)


def _idle(look: Look, unwritten: float) -> Look:
    """A node that does not write its view for so long makes no rounds."""
    if unwritten < look.snapshot.settings.lost_after:
        return look
    return replace(look, silence={**look.silence, look.node: unwritten}).judged()


def _with_unsent(look: Look, unsent: UnsentCommits | None, view: Beneath) -> Look:
    """The same look where nothing waits."""
    found = unsent.over(look.snapshot, view) if unsent else look.snapshot
    return look if found is look.snapshot else replace(look, snapshot=found, sent=look.snapshot.main)


class OwnSource:
    """A clone of this page's own, for a machine without a node."""

    def __init__(self, repository: GitRepository, poll: float) -> None:
        self.repository, self.poll = repository, poll
        self._look: Look | None = None
        self._found: Snapshot | None = None  # as the clone gave it
        self._said = "the repository was not reached yet"
        self._asking, self._seen = threading.Lock(), Sightings()
        self._hurry = threading.Event()
        self._listeners: list[Callable[[], None]] = []
        self._unsent: UnsentCommits | None = None
        self._ahead: tuple[Reader, Assembler] | None = None  # of the same clone, while something waits
        self._looking = threading.Lock()
        keep_at("fetch", self.refresh, self._wait)

    @property
    def clone(self) -> CloneReader:
        return self._ahead[0] if self._ahead else self.repository

    def look(self) -> Look:
        look = self._look
        if look is None:
            raise NothingYet(self._said)
        with self._looking:
            found = _with_unsent(look, self._unsent, self)
            if found is look:
                self._ahead = None
        return found

    def show(self, unsent: UnsentCommits) -> None:
        self._unsent, unsent.outbox.changed = unsent, self._wake

    def clones(self) -> list[Path]:
        return [self.repository.path]

    def with_ahead(self, base: Snapshot, commit: str, folder: Path) -> Snapshot:
        reader, assembler = self._opened()
        reader.see_ahead(commit, folder)
        return reader.assembled(assembler, commit, base.state, base.heartbeats)

    def read(self, commit: str, path: str) -> str | None:
        return self._opened()[0].read_at(commit, path)

    def _opened(self) -> tuple[Reader, Assembler]:
        if self._ahead is None:
            self._ahead = Reader(self.repository.path), Assembler()
        return self._ahead

    def tell(self, wake: Callable[[], None]) -> None:
        self._listeners.append(wake)

    def hurry(self) -> None:
        self._hurry.set()

    def made(self, commit: str, clone: Path) -> None:
        self.refresh()

    def _wait(self) -> None:
        self._hurry.wait(self.poll)
        self._hurry.clear()

    def refresh(self) -> None:
        """Ask the server now. While it is away, what was seen last stays."""
        with self._asking:
            try:
                found = self.repository.fetch()
            except StateError as error:
                self._said, self._seen = str(error), missed(self._seen)
                self._look = self._look and replace(self._look, away=True)
                return
            self._seen = looked(self._seen, now=time.monotonic(), poll=self.poll, snapshot=found, watched=())
            silence = {node: self._seen.silence(node) for node in found.inventories}
            same = self._look.snapshot if self._look and found is self._found else found
            self._found, self._look = found, Look(same, time.time(), silence=silence, poll=self.poll).judged()
        self._wake()

    def _wake(self) -> None:
        for wake in self._listeners:
            wake()

    def use(self, work: Callable[[GitRepository], Answer]) -> Answer:
        """What `work` finds out with this clone, alone with it."""
        with self._asking:
            return work(self.repository)


class Watch:
    """Tells everyone who waits when there is something new to see. `now` is the last look, if there is a view."""

    def __init__(self, source: ViewSource) -> None:
        self.source = source
        self._listeners: set[Callable[[Look, Look | None], None]] = set()
        self._lock = threading.Lock()
        self.last: Look | None = None
        self.now: Look | None = None
        self._woken = threading.Event()
        source.tell(self._woken.set)
        keep_at("watch", self._turn, self._wait)

    def listen(self, listener: Callable[[Look, Look | None], None]) -> Callable[[], None]:
        """Called from another thread with the new look and the one before; the returned function ends it."""
        with self._lock:
            self._listeners.add(listener)

        def end() -> None:
            with self._lock:
                self._listeners.discard(listener)

        return end

    def _wait(self) -> None:
        self._woken.wait(LOOK_EVERY)
        self._woken.clear()

    def _turn(self) -> None:
        try:
            look = self.source.look()
        except (StateError, OSError, ValueError):
            look = None
        self.now = look
        if look is not None and (self.last is None or look.snapshot is not self.last.snapshot):
            before, self.last = self.last, look
            with self._lock:
                listeners = list(self._listeners)
            for listener in listeners:
                listener(look, before)
