"""Who tells that the last node was lost, for verbs that look at the repository as long as they run."""

import fcntl
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from cli.errors import CommandError, needs
from runner import extras

if TYPE_CHECKING:
    from flow.model.snapshot import Snapshot

LAST_WORDS = 10.0
"""Seconds for which a verb that ends waits for what is being sent. What was not sent is sent by the next one."""
SENDS = 0.1


class LostNodes:
    """Tells people as a node would, by the addresses of `file`. CommandError where that file cannot be used.

    `folder` keeps what waits to be sent. Of several processes with one folder the first tells, and the others look.
    """

    def __init__(self, repo: str, folder: Path, file: Path, page: str = "") -> None:
        needs(extras.NOTICES)
        from controller.notify.send import CannotSend, page_of, read_targets

        try:
            read_targets(file)
        except CannotSend as error:
            raise CommandError(str(error), 2) from None
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.folder, self._say = folder, partial(print, "notices:", file=sys.stderr, flush=True)
        self._lock = (folder / "lock").open("a")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._say("another program of yours with this folder tells them")
            self._teller = None
            return
        from controller.notify.last_node import LastNodeTeller, teller_of
        from controller.notify.notifier import Notifier
        from state.edits.told_marks import ToldMarks

        notifier = Notifier(folder, file.absolute(), self._say, page_of(file) or page)
        marks = ToldMarks(folder / "marks.git", repo, teller_of(folder))
        self._teller = LastNodeTeller(notifier, marks, self._say)

    def looked(self, snapshot: "Snapshot") -> None:
        if self._teller:
            self._teller.looked(snapshot)

    def finish(self) -> None:
        """Wait for what is being sent, if it does not take long."""
        until = time.monotonic() + LAST_WORDS
        while self._teller and any(self.folder.rglob("*.json")) and time.monotonic() < until:
            time.sleep(SENDS)
