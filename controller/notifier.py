"""Tells people: notices wait in a folder until they are sent, each by a process that can be ended.

DATA/notices/<time>-<digest>.json    one notice for one target; gone once it was sent, or is a day old
DATA/notices/told/<digest>           what was told already, so that a restart tells nothing twice
"""

import hashlib
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from controller.notify_send import apart
from flow.change import Commit
from flow.local import World
from flow.notices import Notice, of_change, of_timeouts
from flow.world import Snapshot
from runner import notes
from runner.worker import keep_at

RETRY = 60.0
"""Seconds between two attempts to send what could not be sent."""
OLDEST = 86_400.0
MOST = 200
"""Notices that wait at most; of more, the oldest go."""
KEPT = 1000
"""Marks of what was told; beyond these, one that is a day old goes."""
REFRESHED = 3600.0
"""Seconds after which a mark that is still asked for is renewed."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """One notice for one target, as it lies on disk."""

    target: str
    subject: str
    title: str
    text: str


class Notifier:
    """`targets` is the node's file of addresses; without it nothing is told. `say` is for the node's own log."""

    def __init__(self, folder: Path, targets: Path | None, say: Callable[[str], None]) -> None:
        self.folder, self.targets, self.say = folder, targets, say
        self.told = folder / "told"
        self._wake, self._said = threading.Event(), set[str]()
        if targets:
            self.told.mkdir(parents=True, exist_ok=True)
            keep_at("notices", self.send_all, self._wait, say=say)

    def changed(self, before: Snapshot, after: Snapshot, commits: Iterable[Commit]) -> None:
        """After a push of this node has landed."""
        if self.targets:
            self._put(of_change(before, after, [commit.event.project for commit in commits]))

    def seen(self, world: World) -> None:
        """In every round: what runs here may be near its timeout."""
        if self.targets:
            self._put(of_timeouts(world))

    def _put(self, notices: Iterable[Notice]) -> None:
        for notice in notices:
            for target in notice.to:
                mark = self.told / hashlib.blake2b(f"{target} {notice.key}".encode(), digest_size=16).hexdigest()
                with suppress(OSError):  # a full disk: nobody is told, and the node goes on
                    if self._is_told(mark):
                        continue
                    path = self.folder / f"{time.time_ns():020d}-{mark.name}.json"
                    notes.write(path, asdict(Waiting(target, notice.subject, notice.title, notice.text)))
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

    def send_all(self) -> None:
        waiting = sorted(self.folder.glob("*.json"))
        for path in waiting[:-MOST]:
            path.unlink(missing_ok=True)
        for path in waiting[-MOST:]:
            if self._sent(path) or time.time() - path.stat().st_mtime > OLDEST:
                (self.told / path.stem.rpartition("-")[2]).touch()
                path.unlink(missing_ok=True)
        self._forget()

    def _forget(self) -> None:
        """Marks that nobody has asked for in a day, of more than are kept."""
        marks = sorted((mark.stat().st_mtime, mark) for mark in self.told.iterdir())
        for asked, mark in marks[:-KEPT]:
            if time.time() - asked > OLDEST:
                mark.unlink(missing_ok=True)

    def _sent(self, path: Path) -> bool:
        assert self.targets
        try:
            why = apart(self.targets, path.read_text())
        except OSError as error:
            why = str(error)
        if not why:
            self._said.clear()
            return True
        return self._tell(f"a notice could not be sent: {why}")

    def _tell(self, text: str) -> bool:
        if text not in self._said:
            self._said.add(text)
            self.say(text)
        return False
