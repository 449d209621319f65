"""Carrying out retention on one node: what it has on its disk, what of that may go, and letting it go.

The node does it beside its rounds, `winslowctl prune` beside a running node. Dropping is one rename for each execution;
objects that nobody names any more are deleted by whoever owns the data directory at that moment.
"""

import fcntl
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from controller.deleting import execution_of
from controller.disk import FolderDisk
from controller.journal import Journal
from controller.tried import Tried
from flow.controls import steps_of
from flow.open import open_views
from flow.retention import MOST_PRESSURE, Drop, OnDisk, asked_for, drops
from flow.world import Snapshot
from runner import notes
from runner.archive import archived, forget
from runner.pool_fetch import PoolFetch
from runner.store.collect import NOTE
from runner.store.identity import is_shared
from runner.store.packed import Packed
from runner.store.workspaces import Workspaces

AGAIN = 3600.0
"""Seconds after which it is looked at again though nothing is new."""
ENOUGH = 1.25
"""The pressure ends when there is so many times more free than must be."""


def on_disk(data: Path, held: Iterable[tuple[str, int]] = ()) -> OnDisk:
    """What is there, from the folders alone. Of a shared store no node alone can say what may go."""
    workspaces: dict[str, set[int]] = {}
    for note in () if is_shared(data) else (data / "projects").glob(f"*/[0-9]*/{NOTE}"):
        if note.parent.name.isdigit() and not _is_dropped(notes.read(note)):
            workspaces.setdefault(note.parent.parent.name, set()).add(int(note.parent.name))
    logs: dict[str, set[str]] = {}
    runs: dict[str, dict[str, int]] = {}
    for file in (data / "runs").glob("*/project"):
        project, container = file.read_text(), file.parent.name
        logs.setdefault(project, set()).add(container)
        if (number := execution_of(file.parent)) is not None:
            runs.setdefault(project, {})[container] = number
    return OnDisk(
        {id: frozenset(numbers) for id, numbers in workspaces.items()},
        {id: frozenset(containers) for id, containers in logs.items()},
        frozenset(held),
        runs,
    )


def _is_dropped(note: Mapping[str, object]) -> bool:
    """To the end: one that was cut off while it was dropped is to be dropped again."""
    return "dropped" in note and "was" not in note


def spoken_of(journal: Journal) -> frozenset[tuple[str, int]]:
    """Executions that the journal still speaks of, and what they are built on."""
    orders = [entry.order for entry in journal.entries.values()]
    ends = {(ended.project, ended.execution) for ended in journal.outbox.values()}
    built_on = {(order.project, order.source) for order in orders if order.source is not None}
    return frozenset({(order.project, order.execution) for order in orders} | built_on | ends)


def spoken_of_in(data: Path) -> frozenset[tuple[str, int]]:
    """The same of the journal in a data directory, beside its node. JournalError."""
    journal = data / "node"
    return spoken_of(Journal(FolderDisk(journal))) if journal.is_dir() else frozenset()


def size_of(data: Path, drop: Drop, workspaces: Workspaces) -> int:
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
                yield from map(_path, record.inputs.values())


def _path(value: object) -> str:
    """Of an input: a file is recorded with its digest once it was read."""
    return str(value.get("path", "") if isinstance(value, dict) else value)


class Retaining:
    """`busy` names the executions that the journal still speaks of. One look at a time, when something is new."""

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
        self.tried = Tried(lambda text: tell(f"retention: {text}"), clock)
        self.pressure, self.usage = Pressure(room), usage or _usage
        self._seen: tuple[str, str, int, int] | None = None
        self._at_work = False

    def look(self, snapshot: Snapshot, held: Callable[[], frozenset[tuple[str, int]]]) -> str:
        """What to say of the disk, or nothing. What may go is let go beside the rounds."""
        if self._at_work:
            return self._text()
        level = self.pressure.look(*self.usage(self.data))
        now = (snapshot.main, snapshot.state, level, int(time.time() / AGAIN))
        if now != self._seen or self.tried.due:
            self._seen, self._at_work = now, True
            self.submit(lambda: self._work(snapshot, held, level))
        return self._text()

    def _text(self) -> str:
        if not (level := self.pressure.level):
            return ""
        return f"too little free disk: more is dropped than the rules say (step {level} of {MOST_PRESSURE})"

    def _work(self, snapshot: Snapshot, held: Callable[[], frozenset[tuple[str, int]]], level: int) -> None:
        self.tried.begin()
        try:
            self.workspaces.wanted = asked_for(snapshot)
            self.tried.part("what may go", lambda: self._drop_all(drops(snapshot, on_disk(self.data, held()), level)))
            if level and self.fetch:
                self.tried.part("files fetched for the pool", partial(self._drop_fetched, self.fetch, snapshot))
            self.tried.part("objects that nobody names", self.workspaces.collect)
            self.tried.part("lists of files that are damaged", self.mend)
        finally:
            self.tried.done()
            self._at_work = False

    def _drop_fetched(self, fetch: PoolFetch, snapshot: Snapshot) -> None:
        """Once there is too little room: another node still has them."""
        for path in fetch.drop(frozenset(read_by_stages(snapshot))):
            self.tell(f"{path!r} of the pool is dropped again: it was fetched from another node")

    def _drop_all(self, found: Iterable[Drop]) -> None:
        for drop in found:
            if self.tried.part(f"dropping a {drop.what}", partial(let_go, self.data, self.workspaces, drop)):
                self.tell(f"{drop.project}/{drop.execution}: {drop.what} dropped: {drop.why}")


def _usage(data: Path) -> tuple[int, int]:
    found = os.statvfs(data)
    return found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize
