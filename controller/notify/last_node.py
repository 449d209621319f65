"""Tells that the last node was lost: by whoever looks, a page or the command `wait`, and by one of them.

No node is left that would write it down and tell it. So who finds it marks it at the repository first
(`state.edits.told_marks`), and only who wrote the mark tells. What is to be told is written here after that, and a mark
of ours of which nothing was told yet, because this process died in between, is told at the next look.
"""

import secrets
import threading
from collections.abc import Callable
from pathlib import Path

from controller.notify.notifier import Notifier
from flow.model.snapshot import Snapshot
from flow.status.notices import LostNode, of_the_last
from runner.worker import keep_at
from state.edits.told_marks import Mark, ToldMarks

RETRY = 20.0
"""Seconds between two attempts to find out whose it is to tell."""
PATIENCE = 3
"""Attempts after which somebody tells who may write no mark, where nobody who may has done so."""
TELLER = "teller"
"""A file with the random id of whoever tells from this folder."""


class LastNodeTeller:
    """`looked` is called with every new view; all that waits for a server is done in a thread of its own."""

    def __init__(self, notifier: Notifier, marks: ToldMarks, say: Callable[[str], None]) -> None:
        self.notifier, self.marks, self.say = notifier, marks, say
        self._lost: tuple[LostNode, ...] = ()
        self._closed: dict[str, int] = {}  # key of a notice to how often no mark could be written
        self._wake = threading.Event()
        keep_at("the last node", self.turn, self._wait, say=say)

    def looked(self, snapshot: Snapshot) -> None:
        before, self._lost = self._lost, of_the_last(snapshot)
        if self._lost and self._lost != before:
            self._wake.set()

    def _wait(self) -> None:
        self._wake.wait(RETRY if self._lost else None)
        self._wake.clear()

    def turn(self) -> None:
        for lost in self._lost:
            if not self.notifier.is_told(lost.notice):
                self._settle(lost)

    def _settle(self, lost: LostNode) -> None:
        notice = lost.notice
        mark = self.marks.take(lost.node, lost.beat)
        if mark is Mark.CLOSED:
            tried = {each.notice.key: self._closed.get(each.notice.key, 0) for each in self._lost}
            self._closed = {**tried, notice.key: tried.get(notice.key, 0) + 1}
            if self._closed[notice.key] < PATIENCE:
                return
            self.say(
                f"{notice.title}, and this is told without a mark at the repository, so others may tell it too: let "
                "this user write refs/winslow/told/*, or branches winslow-told/*"
            )
        if mark is Mark.THEIRS:
            self.notifier.leave(notice)
        elif mark is not Mark.AGAIN:
            self.notifier.put([notice])


def teller_of(folder: Path) -> str:
    """The same for ever, for one folder."""
    file = folder / TELLER
    try:
        known = file.read_text()
    except FileNotFoundError:
        known = ""
    if len(known) != 32:
        known = secrets.token_hex(16)
        part = file.with_name(f"{TELLER}.{known}")
        part.write_text(known)
        part.replace(file)
    return known
