"""What was accepted and waits in the outbox is seen at once, as it will stand on `main` once it is sent.

Each wish that waits is built as the commit that it will be, on top of the newest known one, and the page shows what
follows. Such commits are in no clone and go nowhere; `GET /outbox` and every page say which wishes are not sent yet.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from flow.model.snapshot import Snapshot
from flow.project.precheck import WouldBeRejected
from schema.errors import SchemaError
from state.contract.errors import StateError
from state.git.ahead import AheadCommits
from webui.source.outbox import Outbox, UnsentWish


class Beneath(Protocol):
    """The view that unsent commits are shown on top of."""

    def clones(self) -> Sequence[Path]:
        """Where the objects of its newest commit are."""
        ...

    def with_ahead(self, base: Snapshot, commit: str, folder: Path) -> Snapshot:
        """The snapshot at a commit that lies in `folder`; its clone reads files of it, too. StateError."""
        ...

    def read(self, commit: str, path: str) -> str | None:
        """A file at any commit. StateError."""
        ...


@dataclass(frozen=True, slots=True)
class _Chain:
    """Commits that were built on a base, up to `tip`, of these wishes."""

    base: tuple[str, str]
    ids: tuple[str, ...]
    tip: str


class UnsentCommits:
    def __init__(self, outbox: Outbox, folder: Path) -> None:
        self.outbox, self.ahead = outbox, AheadCommits(folder)
        self._chain: _Chain | None = None
        self._shown: tuple[Snapshot, tuple[str, ...], Snapshot] | None = None

    def over(self, base: Snapshot, view: Beneath) -> Snapshot:
        """With all that waits; the same snapshot for the same question. The base where it cannot be told."""
        waiting = self.outbox.unsent()
        ids = tuple(each.id for each in waiting)
        if not ids:
            self._shown = self._chain = None
            return base
        if self._shown and self._shown[0] is base and self._shown[1] == ids:
            return self._shown[2]
        try:
            found = self._built(base, waiting, view)
        except StateError:
            found = base
        self._shown = (base, ids, found)
        return found

    def _built(self, base: Snapshot, waiting: Sequence[UnsentWish], view: Beneath) -> Snapshot:
        for clone in view.clones():
            self.ahead.borrow(clone)
        key, ids = (base.main, base.state), tuple(each.id for each in waiting)
        chain = self._chain
        if chain is None or chain.base != key or ids[: len(chain.ids)] != chain.ids:
            chain = _Chain(key, (), base.main)
        tip = chain.tip
        for each in waiting[len(chain.ids) :]:
            tip = self._next(base, tip, each, view)
        self._chain = _Chain(key, ids, tip)
        return self._at(base, tip, view)

    def _next(self, base: Snapshot, tip: str, unsent: UnsentWish, view: Beneath) -> str:
        """The commit of one more. What the server's newest `main` does not take will be refused: it is not shown."""
        try:
            snapshot = self._at(base, tip, view) if unsent.looks else base
            edit = self.outbox.built(snapshot, unsent, lambda path: view.read(tip, path))
            return self.ahead.commit(tip, edit)
        except (StateError, SchemaError, WouldBeRejected):
            return tip

    def _at(self, base: Snapshot, tip: str, view: Beneath) -> Snapshot:
        if tip == base.main:
            return base
        found = view.with_ahead(base, tip, self.ahead.folder)
        return replace(found, judged=base.judged, spoke=base.spoke)
