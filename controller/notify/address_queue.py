"""The notices of one address: sent in order, one at a time, the next try later and later while it takes none.

Another address has another queue, so one that hangs holds up nobody else. Of more than are kept the oldest go; how many
is counted, said in the node's log, and told to the address itself once it takes something again.
"""

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from controller.notify.send import GONE
from flow.model.backoff import Backoff
from runner import durable
from runner.worker import keep_at

BETWEEN_TRIES = Backoff(first=5.0, longest=600.0)
OLDEST = 86_400.0
MOST = 200
"""Notices that wait for one address; of more, the oldest go."""


TOLD_EVERY = 100
"""The first that is dropped is told in the node's log, then every so many."""


class NotifyQueue:
    """`send` takes a notice as it lies on disk and says why it could not be sent, or nothing."""

    def __init__(self, folder: Path, send: Callable[[str], str], say: Callable[[str], None]) -> None:
        self.folder, self.send, self.say = folder, send, say
        self._lost, self._wake, self._lock = folder / "dropped", threading.Event(), threading.Lock()
        self._tries, self._said = 0, ""
        folder.mkdir(parents=True, exist_ok=True)

    def start(self) -> None:
        keep_at("notices", self.send_all, self._wait, say=self.say)

    def _wait(self) -> None:
        """Until something is new, or it is time for the next try: news do not hasten that."""
        if self._tries:
            time.sleep(self.pause)
        else:
            self._wake.wait()
        self._wake.clear()

    @property
    def pause(self) -> float:
        return BETWEEN_TRIES.rest(self._tries)

    def put(self, name: str, notice: Mapping[str, object]) -> None:
        durable.write(self.folder / f"{name}.json", notice)
        self._drop(self._waiting()[:-MOST])
        self._wake.set()

    def _waiting(self) -> list[Path]:
        return sorted(self.folder.glob("*.json"))

    def send_all(self) -> None:
        """As long as the address takes them."""
        self._drop([path for path in self._waiting() if _is_old(path)])
        while waiting := self._waiting():
            head = waiting[0]
            try:
                why = self.send(head.read_text())
            except FileNotFoundError:
                continue  # it was dropped for a newer one
            if why and why != GONE:
                self._tries += 1
                self._tell(f"a notice could not be sent: {why}")
                return
            head.unlink(missing_ok=True)
            self._tries, self._said = 0, ""
            if not why:
                self._confess()

    def _drop(self, paths: list[Path]) -> None:
        if not paths:
            return
        with self._lock:
            for path in paths:
                path.unlink(missing_ok=True)
            lost = self._dropped() + len(paths)
            with suppress(OSError):  # a full disk
                self._lost.write_text(str(lost))
        if lost == len(paths) or lost % TOLD_EVERY == 0:
            self.say(f"{_notices(lost)} dropped: an address takes none, or not so many")

    def _dropped(self) -> int:
        try:
            return int(self._lost.read_text())
        except (OSError, ValueError):
            return 0

    def _confess(self) -> None:
        """To an address that takes notices again: how many it did not get."""
        with self._lock:
            lost = self._dropped()
            self._lost.unlink(missing_ok=True)
        if lost:
            text = "They waited for more than a day, or were too many. `winslowctl status` shows how everything is."
            told = {"target": "", "subject": "dropped", "title": f"{_notices(lost)} dropped", "text": text}
            self.put(f"{time.time_ns():020d}-dropped", {**told, "address": self.folder.name})

    def _tell(self, text: str) -> None:
        if text != self._said:
            self._said = text
            self.say(text)


def _notices(count: int) -> str:
    return "1 notice was" if count == 1 else f"{count} notices were"


def _is_old(path: Path) -> bool:
    try:
        return time.time() - path.stat().st_mtime > OLDEST
    except FileNotFoundError:
        return False
