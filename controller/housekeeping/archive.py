"""What a node does with full logs, beside its rounds: old ones go into the store, and from there to the bucket where
there is one; what somebody here wants to read of a node that is away comes from there.

A stage waits for none of it: it is done long after its end, in a thread that gives way to everybody.
"""

import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import BinaryIO, cast

from controller.housekeeping.deletion import execution_of, project_of
from controller.housekeeping.disk_index import DiskIndex
from controller.housekeeping.retry import RetriedWork
from flow.model.snapshot import ProjectView, Snapshot
from runner import durable
from runner.files.bucket import Bucket
from runner.logs.archive import LOG, OLD, SMALL, archive, archived, mark_sent, sent_to
from runner.logs.far_logs import FOLDER
from runner.store import digests
from runner.store.errors import MissingObject
from runner.store.identity import is_shared
from runner.store.packed import FETCHED, Packed
from schema.execution import Execution

PLAIN, SOON = 3600.0, 600.0
"""Seconds for which a log is left as it is, without and with a bucket."""
KEPT = 86_400.0
"""Seconds for which another node's log is kept here."""

Held = Callable[[], frozenset[tuple[str, int]]]


def _beside(work: Callable[[], None]) -> None:
    def lowly() -> None:
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 19)
        work()

    threading.Thread(target=lowly, name="logs", daemon=True).start()


class LogArchive:
    def __init__(
        self,
        data: Path,
        bucket: Bucket | None,
        say: Callable[[str], None],
        *,
        submit: Callable[[Callable[[], None]], None] = _beside,
        passing: Callable[[str], None] = lambda place: None,
        now: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.data, self.bucket, self.submit, self.passing, self.now = data, bucket, submit, passing, now
        self.packed, self.shared = Packed(data / "store"), is_shared(data)
        self.plain = SOON if bucket else PLAIN
        self.tried, self.fetching = RetriedWork(say, clock), RetriedWork(say, clock)
        self._seen: tuple[str, str, int] | None = None
        self._sent, self.index = set[str](), DiskIndex(data, workspaces=False)
        self._at_work, self._fetches = False, False

    def look(self, snapshot: Snapshot, held: Held) -> None:
        """`held` names the executions that the journal still speaks of."""
        if not self._fetches and any((self.data / FOLDER).glob("[0-9a-f]" * 64)):
            self._fetches = True
            self.submit(self._fetch)
        new = (snapshot.main, snapshot.state, int(self.now() / self.plain))
        if not self._at_work and (new != self._seen or self.tried.due):
            whole = self._seen is None or self._seen[2] != new[2] or self.tried.due
            self._seen, self._at_work = new, True
            self.submit(lambda: self._work(snapshot, held, whole=whole))

    def _work(self, snapshot: Snapshot, held: Held, *, whole: bool) -> None:
        """At the logs of the projects that changed; now and then, and where something failed, at all."""
        self.tried.begin()
        try:
            self.tried.part("logs", lambda: self._all(snapshot, held(), whole=whole))
            if whole:
                self.tried.part("logs that nobody keeps", self._clear)
        finally:
            self.tried.done()
            self._at_work = False

    def _all(self, snapshot: Snapshot, held: frozenset[tuple[str, int]], *, whole: bool) -> None:
        """A bucket that does not answer is not asked for each log."""
        reached, changed = True, None if whole else self.index.follow(snapshot)
        if whole:
            self.index.scan(snapshot)
        for run in self.index.runs(changed):
            old, unsent = self._is_old(run), self.bucket is not None and run.name not in self._sent
            record = _ended(snapshot, run, held) if old or unsent else None
            if record is None:
                continue
            if old:
                wanted = record.log.digest if record.log else None
                work = partial(archive, packed=self.packed, passing=self.passing, wanted=wanted)
                self.tried.part("archiving a log", partial(_unless_gone, run, work), run.name)
            if unsent and reached:
                reached = self.tried.part("sending a log", partial(_unless_gone, run, self._send))

    def _is_old(self, run: Path) -> bool:
        """One that an earlier version packed is, whenever that was."""
        try:
            found = (run / LOG).stat()
        except OSError:
            return (run / OLD).is_file()
        return found.st_size >= SMALL and self.now() - found.st_mtime > self.plain

    def _send(self, run: Path) -> None:
        assert self.bucket
        digest = archived(run)
        if digest is None or (run / LOG).is_file():
            return
        if sent_to(run) != self.bucket.name:
            path, bucket = self.packed.path(digest), self.bucket.packed
            if not path.is_file():
                return
            if not bucket.has(digest, path.stat().st_size):
                bucket.put(digest, path)
            self.passing("log-sent")
            mark_sent(run, self.bucket.name)
        self._sent.add(run.name)

    def _clear(self) -> None:
        """What came from afar and is read no more; what was kept for runs that somebody removed by hand."""
        self.packed.forget_fetched(KEPT)
        if self.shared:  # whose runs those are no node alone can say
            return
        for digest, name, _ in list(self.packed.names()):
            if name != FETCHED and not (self.data / "runs" / name).is_dir():
                self.packed.forget(digest, name)

    # -- for who reads here -----------------------------------------------------------------------------------------

    def _fetch(self) -> None:
        self.fetching.begin()
        try:
            for path in list((self.data / FOLDER).glob("[0-9a-f]" * 64)):
                if self.bucket:
                    self.fetching.part("fetching a log", partial(self._one, path))
                path.unlink(missing_ok=True)
        finally:
            self.fetching.done()
            self._fetches = False

    def _one(self, path: Path) -> None:
        """Nothing, where the bucket has not got it either."""
        assert self.bucket
        digest, note = f"{digests.PREFIX}{path.name}", durable.read(path)
        if self.packed.whole(digest):
            return
        with suppress(MissingObject), cast(BinaryIO, self.bucket.packed.open(digest)) as file:
            self.packed.take(file, digest, int(note.get("bytes") or 0), str(note.get("whose")))


def _ended(snapshot: Snapshot, run: Path, held: frozenset[tuple[str, int]]) -> Execution | None:
    """Its execution, if it has ended and nobody works on it any more."""
    view = snapshot.projects.get(project_of(run) or "")
    record = _record_of(view, run) if view else None
    if view is None or record is None or (view.id, record.execution) in held:
        return None
    return record if record.state.ended else None


def _record_of(view: ProjectView, run: Path) -> Execution | None:
    number = execution_of(run)
    near = (view.execution(number),) if number else view.executions
    return next((each for each in near if each and each.claim.container == run.name), None)


def _unless_gone(run: Path, work: Callable[[Path], object]) -> None:
    """A run may be deleted at any time."""
    try:
        work(run)
    except FileNotFoundError:
        if run.is_dir():
            raise
