"""Carrying out retention on one node: what it has on its disk, what of that may go, and letting it go.

The node does it beside its rounds, `winslowctl prune` beside a running node. Dropping is one rename for each execution;
objects that nobody names any more are deleted by whoever owns the data directory at that moment.
"""

import fcntl
import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from controller.housekeeping.disk_index import DiskIndex
from controller.housekeeping.retry import RetriedWork
from controller.journal.journal import Journal
from controller.journal.small_files import FolderDisk
from flow.model.snapshot import Snapshot
from flow.project.active import open_views
from flow.project.replies import steps_of
from flow.reconcile.retention import MOST_PRESSURE, Drop, OnDisk, asked_for, drops
from flow.reconcile.retention_reasons import Kept
from peer.client.pool_fetch import PoolFetch
from runner.logs.archive import archived, forget
from runner.store.packed import Packed
from runner.store.workspaces import Workspaces
from schema.file_input import plain

AGAIN = 3600.0
"""Seconds after which it is looked at again though nothing is new."""
SELDOM = 50
"""So many times what a look for objects that nobody names took passes before the next, as each looks at every workspace
here; at least a second, at most an hour. On a disk that fills they are looked for at once.
"""
ENOUGH = 1.25
"""The pressure ends when there is so many times more free than must be."""


def on_disk(data: Path, held: Iterable[tuple[str, int]] = ()) -> OnDisk:
    """What is there, from the folders alone."""
    index = DiskIndex(data)
    index.scan(Snapshot("", ""))
    return index.on_disk(held)


def spoken_of(journal: Journal) -> frozenset[tuple[str, int]]:
    """Executions that the journal still speaks of, and what they are built on."""
    orders = [entry.order for entry in journal.entries.values()]
    ends = {(ended.project, ended.execution) for ended in journal.outbox.values()}
    built_on = {(order.project, order.source) for order in orders if order.source is not None}
    goes_on = {(order.project, order.saved.execution) for order in orders if order.saved}
    return frozenset({(order.project, order.execution) for order in orders} | built_on | goes_on | ends)


def spoken_of_in(data: Path) -> frozenset[tuple[str, int]]:
    """The same of the journal in a data directory, beside its node. JournalError."""
    journal = data / "node"
    return spoken_of(Journal(FolderDisk(journal))) if journal.is_dir() else frozenset()


def size_of(data: Path, drop: Drop | Kept, workspaces: Workspaces) -> int:
    """Bytes of what it names; contents that others name too stay, so less may come free."""
    if drop.what == "log":
        run = data / "runs" / drop.container
        files = sum(path.lstat().st_size for path in run.rglob("*") if path.is_file())
        packed = Packed(workspaces.objects.root).path(digest) if (digest := archived(run)) else None
        return files + (packed.stat().st_size if packed and packed.is_file() else 0)
    return workspaces.size(drop.project, drop.execution)


def let_go(data: Path, workspaces: Workspaces, drop: Drop) -> None:
    """Cut off anywhere, it is found again the next time."""
    if drop.what == "workspace":
        workspaces.drop(drop.project, drop.execution, drop.why)
        return
    run = data / "runs" / drop.container
    forget(run, Packed(workspaces.objects.root))
    workspaces.discard(run)


@contextmanager
def sole(data: Path) -> Iterator[bool]:
    """Whether no controller works in this directory; none starts until the block ends."""
    data.mkdir(parents=True, exist_ok=True)
    with (data / "lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True


@dataclass(frozen=True, slots=True)
class Room:
    """How much of a disk is to stay free: bytes, or a share of it."""

    least: float = 0.0
    share: bool = False

    def bytes(self, total: int) -> float:
        return self.least * total if self.share else self.least


NO_LEAST = Room()


def parse_room(text: str) -> Room:
    """`10%` or `50GiB`. ValueError."""
    from schema.quantities import parse_size

    if not text.endswith("%"):
        return Room(float(parse_size(text)))
    share = float(text[:-1]) / 100
    if not 0 <= share < 1:
        raise ValueError(f"a share of the disk lies between 0% and 100%, not {text!r}")
    return Room(share, share=True)


class Pressure:
    """How far beyond its rules a node goes: one step further each time that the last one was not enough."""

    def __init__(self, room: Room) -> None:
        self.room, self.level = room, 0

    def look(self, free: int, total: int) -> int:
        least = self.room.bytes(total)
        if free < least:
            self.level = min(self.level + 1, MOST_PRESSURE)
        elif free >= least * ENOUGH:
            self.level = 0
        return self.level


def read_by_stages(snapshot: Snapshot) -> Iterator[str]:
    """What stages that run or are wanted read of the pool."""
    for view in open_views(snapshot):
        for slot in steps_of(view).slots:
            yield from slot.files
        for record in view.executions:
            if record.state.active:
                yield from (str(plain(value)) for value in record.inputs.values())


class RetentionWork:
    """One look at a time, at what is new. All is looked at now and then, where the disk fills, and where one failed."""

    def __init__(
        self,
        data: Path,
        workspaces: Workspaces,
        room: Room,
        submit: Callable[[Callable[[], None]], None],
        tell: Callable[[str], None],
        usage: Callable[[Path], tuple[int, int]] | None = None,
        mend: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
        fetch: PoolFetch | None = None,
    ) -> None:
        self.fetch = fetch
        self.data, self.workspaces, self.submit, self.tell, self.mend = data, workspaces, submit, tell, mend
        self.tried, self.clock = RetriedWork(lambda text: tell(f"retention: {text}"), clock), clock
        self.pressure, self.usage = Pressure(room), usage or _usage
        self.index = DiskIndex(data)
        self._seen: tuple[str, str, int, int] | None = None
        self._held: frozenset[tuple[str, int]] = frozenset()
        self._at_work = False
        self._owes, self._collect_at = False, 0.0

    def look(self, snapshot: Snapshot, held: Callable[[], frozenset[tuple[str, int]]]) -> str:
        """What to say of the disk, or nothing. What may go is let go beside the rounds.

        `held` names the executions that the journal still speaks of.
        """
        if self._at_work:
            return self._text()
        level = self.pressure.look(*self.usage(self.data))
        now = (snapshot.main, snapshot.state, level, int(time.time() / AGAIN))
        collect = self._owes and self.clock() >= self._collect_at
        if now != self._seen or self.tried.due or collect or self._held - held():
            whole = self._seen is None or self._seen[2:] != now[2:] or self.tried.due
            self._seen, self._at_work = now, True
            self.submit(lambda: self._work(snapshot, held(), level, whole=whole))
        return self._text()

    def _text(self) -> str:
        if not (level := self.pressure.level):
            return ""
        return f"too little free disk: more is dropped than the rules say (step {level} of {MOST_PRESSURE})"

    def _work(self, snapshot: Snapshot, held: frozenset[tuple[str, int]], level: int, *, whole: bool) -> None:
        self.tried.begin()
        released, self._held = {project for project, _ in self._held - held}, held
        try:
            self.workspaces.wanted = asked_for(snapshot)
            self.tried.part("what may go", lambda: self._drop(snapshot, held, level, None if whole else released))
            if level and self.fetch:
                self.tried.part("files fetched for the pool", partial(self._drop_fetched, self.fetch, snapshot))
            if whole or level or self.clock() >= self._collect_at:
                self.tried.part("objects that nobody names", self._collect)
            self.tried.part("lists of files that are damaged", self.mend)
        finally:
            self.tried.done()
            self._at_work = False

    def _drop_fetched(self, fetch: PoolFetch, snapshot: Snapshot) -> None:
        """Once there is too little room: another node still has them."""
        for path in fetch.drop(frozenset(read_by_stages(snapshot))):
            self.tell(f"{path!r} of the pool is dropped again: it was fetched from another node")

    def _collect(self) -> None:
        began = self.clock()
        self._owes = False
        self.workspaces.collect()
        self._collect_at = self.clock() + min(max(1.0, SELDOM * (self.clock() - began)), AGAIN)

    def _drop(self, snapshot: Snapshot, held: frozenset[tuple[str, int]], level: int, also: set[str] | None) -> None:
        """Of what changed and of some more, or of all."""
        among = None
        if also is None:
            self.index.scan(snapshot)
        else:
            among = self.index.follow(snapshot) | also
        for drop in drops(snapshot, self.index.on_disk(held, among), level, among):
            done = not self.index.still_there(drop)
            work = partial(let_go, self.data, self.workspaces, drop)
            if not done and self.tried.part(f"dropping a {drop.what}", work):
                done = self._owes = True
                self.tell(f"{drop.project}/{drop.execution}: {drop.what} dropped: {drop.why}")
            if done:
                self.index.forget(drop)


def _usage(data: Path) -> tuple[int, int]:
    found = os.statvfs(data)
    return found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize
