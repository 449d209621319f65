"""Tells people: notices wait in a folder until they are sent, each by a process that can be ended.

DATA/notices/<time>-<digest>.json    one notice for one target, until each of its addresses has it in its queue
DATA/notices/to-<digest>/            the queue of one address (`controller.notify.address_queue`)
DATA/notices/told/<digest>           what was told already, so that a restart tells nothing twice
"""

import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from controller.notify.address_queue import OLDEST, NotifyQueue
from controller.notify.send import CannotSend, apart, digest, page_of, read_targets
from flow.model.commits import Commit
from flow.model.snapshot import Snapshot
from flow.node.node_world import World
from flow.status.notices import Notice, of_change, of_timeouts
from runner import durable
from runner.worker import keep_at

RETRY = 60.0
"""Seconds between two attempts to send what could not be sent."""
KEPT = 1000
"""Marks of what was told; beyond these, one that is a day old goes."""
REFRESHED = 3600.0
"""Seconds after which a mark that is still asked for is renewed."""


@dataclass(frozen=True, slots=True)
class QueuedNotice:
    """One notice for one target, as it lies on disk."""

    target: str
    subject: str
    title: str
    text: str
    path: str = ""  # of the page that shows it


class Notifier:
    """`targets` is the node's file of addresses; without it nothing is told. `say` is for the node's own log.

    `page` is the address by which people reach the page, where that is known.
    """

    def __init__(self, folder: Path, targets: Path | None, say: Callable[[str], None], page: str = "") -> None:
        self.folder, self.targets, self.say = folder, targets, say
        self.told = folder / "told"
        self._wake, self._said = threading.Event(), set[str]()
        self._queues: dict[str, NotifyQueue] = {}
        self.page = page
        if targets:
            self.told.mkdir(parents=True, exist_ok=True)
            for left in folder.glob("to-*"):
                self.queue(left.name.removeprefix("to-"))
            keep_at("notices", self.distribute, self._wait, say=say)

    def changed(self, before: Snapshot, after: Snapshot, commits: Iterable[Commit]) -> None:
        """After a push of this node has landed."""
        if self.targets:
            self.put(of_change(before, after, [commit.event.project for commit in commits]))

    def seen(self, world: World) -> None:
        """In every round: what runs here may be near its timeout."""
        if self.targets:
            self.put(of_timeouts(world))

    def is_told(self, notice: Notice) -> bool:
        """Or waits to be, to all of its targets."""
        return all(self._is_told(self._mark(target, notice)) for target in notice.to)

    def leave(self, notice: Notice) -> None:
        """Somebody else tells it."""
        for target in notice.to:
            with suppress(OSError):  # a full disk: it is asked again whose it is
                self._mark(target, notice).touch()

    def _mark(self, target: str, notice: Notice) -> Path:
        return self.told / hashlib.blake2b(f"{target} {notice.key}".encode(), digest_size=16).hexdigest()

    def put(self, notices: Iterable[Notice]) -> None:
        """On disk, to be sent from now on, however often this process dies; nothing that was told before."""
        for notice in notices:
            for target in notice.to:
                mark = self._mark(target, notice)
                with suppress(OSError):  # a full disk: nobody is told, and the node goes on
                    if self._is_told(mark):
                        continue
                    path = self.folder / f"{time.time_ns():020d}-{mark.name}.json"
                    durable.write(
                        path, asdict(QueuedNotice(target, notice.subject, notice.title, notice.text, notice.path))
                    )
                    mark.touch()
                    self._wake.set()

    def _is_told(self, mark: Path) -> bool:
        """Or waits to be. A mark that is still asked for stays among the newest."""
        try:
            age = time.time() - mark.stat().st_mtime
        except FileNotFoundError:
            return any(self.folder.glob(f"*-{mark.name}.json"))
        if age > REFRESHED:
            mark.touch()
        return True

    def _wait(self) -> None:
        self._wake.wait(RETRY)
        self._wake.clear()

    def distribute(self) -> None:
        """Each notice into the queue of each address that its target has."""
        waiting = sorted(self.folder.glob("*.json"))
        addresses = self._addresses() if waiting else {}
        for path in waiting:
            with suppress(FileNotFoundError, ValueError):
                self._give(path, json.loads(path.read_text()), addresses)
        self._forget()

    def _addresses(self) -> Mapping[str, tuple[str, ...]]:
        assert self.targets
        try:
            found, self.page = read_targets(self.targets)[0], page_of(self.targets) or self.page
        except CannotSend as error:
            self._tell(f"notices wait: {error}")
            return {}
        return found

    def _give(self, path: Path, notice: dict[str, str], addresses: Mapping[str, tuple[str, ...]]) -> None:
        target = notice["target"]
        if target not in addresses:
            self._tell(f"a notice could not be sent: there is no target {target!r} on this node")
            if time.time() - path.stat().st_mtime <= OLDEST:
                return
        link = f"\n{self.page.rstrip('/')}{notice['path']}" if self.page and notice.get("path") else ""
        for address in addresses.get(target, ()):
            given = {**notice, "text": f"{notice['text']}{link}", "address": digest(address)}
            self.queue(digest(address)).put(path.stem, given)
        (self.told / path.stem.rpartition("-")[2]).touch()
        path.unlink(missing_ok=True)

    def queue(self, address: str) -> NotifyQueue:
        if address not in self._queues:
            assert self.targets
            self._queues[address] = NotifyQueue(self.folder / f"to-{address}", partial(_send, self.targets), self.say)
            self._queues[address].start()
        return self._queues[address]

    def _forget(self) -> None:
        """Marks that nobody has asked for in a day, of more than are kept."""
        marks = sorted((mark.stat().st_mtime, mark) for mark in self.told.iterdir())
        for asked, mark in marks[:-KEPT]:
            if time.time() - asked > OLDEST:
                mark.unlink(missing_ok=True)

    def _tell(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            self.say(text)


def _send(targets: Path, notice: str) -> str:
    return apart(targets, notice)
