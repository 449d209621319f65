"""A push to a bare repository of this user on this machine, without a process for it.

In this order, and none before the one above it is done: it is known that git's push would do nothing else there
(`place`); the new objects are sound, and on the disk (`new_objects`, `object_files`); git moves the refs, all or none,
if each still holds what it was seen to hold (`ref_transaction`). Until the last step nothing has happened that anybody
sees, so whatever goes wrong before it leaves the push to the git program, which says what it always says.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import pygit2

from schema import layout
from state.contract.repository import Landed, Outcome, Rejected, Rejection, Unknown
from state.direct.new_objects import NewObjects, Unusual
from state.direct.object_files import forget_dead, kept_pack, write_loose
from state.direct.place import PushPlace
from state.direct.ref_transaction import RefMove, RefsDoubtful, RefsMoved, RefsStale, RefsUntouched, RefTransactions

BY_GIT = 100
"""Every such push is left to git: with it comes what a repository does after pushes, its own tidying for one."""
_OID = 40


MainCheck = Callable[[Path, Path, str, str], bool]
"""Whether the hook of a repository would pass a push to `main`: its folder, that of the clone in which the new objects
lie, what `main` is, and what it is to be."""


class DirectPush:
    """To one folder. `why` is the reason for which the last push was left to git; nothing where it was not."""

    def __init__(self, folder: Path, url: str, check: MainCheck | None = None) -> None:
        self.folder, self.check = folder, check
        self.why = ""
        self._place = PushPlace(folder, url)
        self._refs = RefTransactions(folder)
        self._pushes = 0

    @property
    def packs(self) -> int:
        """In the folder at the last look."""
        return self._place.packs

    def push(self, repo: pygit2.Repository, moves: Sequence[RefMove], oid: str) -> Outcome | None:
        """Objects come from `repo`; `oid` is what the outcome names. None: nothing was done, it is git's to do."""
        self.why = ""
        try:
            return self._pushed(repo, moves, oid)
        except (OSError, Unusual) as error:
            self.why = str(error)
            return None

    def close(self) -> None:
        self._refs.close()

    def _pushed(self, repo: pygit2.Repository, moves: Sequence[RefMove], oid: str) -> Outcome | None:
        self._pushes += 1
        if self._pushes % BY_GIT == 0:
            forget_dead(self.folder)
            raise Unusual("it is git's turn")
        fit = self._place.fitness([move.ref for move in moves])
        if fit.unfit:
            raise Unusual(fit.unfit)
        if fit.checked and not all(self._passes(repo, move) for move in moves if move.ref == layout.MAIN):
            raise Unusual("main is checked by the hook")
        if lost := next(filter(None, map(self._moved, moves)), ""):
            return Rejected(Rejection.RACE, lost)
        packed, loose = _objects(repo, moves)
        if fit.most is not None and packed.size + loose.size > fit.most // 2:
            raise Unusual("nearly as much as the repository takes at once")
        for each in loose.all:
            write_loose(self.folder, each)
        with kept_pack(self.folder, packed.all):
            return self._outcome(moves, oid)

    def _outcome(self, moves: Sequence[RefMove], oid: str) -> Outcome | None:
        match self._refs.move(moves, self._place.mark):
            case RefsMoved():
                return Landed(oid)
            case RefsStale(text):
                return Rejected(Rejection.RACE, text[:2000])
            case RefsDoubtful(text):
                return Unknown(text[:2000], oid)
            case RefsUntouched(text):
                raise Unusual(text)

    def _passes(self, repo: pygit2.Repository, move: RefMove) -> bool:
        """The very ids that are pushed are looked at, so it does not matter what anybody else does meanwhile."""
        if self.check is None or move.expected is None:
            return False
        return self.check(self.folder, Path(repo.path), move.expected, move.oid)

    def _moved(self, move: RefMove) -> str:
        """What says that a race is lost already, before anything is written; nothing where that is not certain."""
        try:
            held = (self.folder / move.ref).read_text()[:_OID]
        except (OSError, ValueError):
            return ""  # it is packed, or not there
        known = len(held) == _OID and not held.startswith("ref:")
        return f"{move.ref} is at {held} but expected {move.expected}" if known and held != move.expected else ""


def _objects(repo: pygit2.Repository, moves: Sequence[RefMove]) -> tuple[NewObjects, NewObjects]:
    """Those that commits bring, and those that refs name themselves."""
    packed, loose = NewObjects(repo), NewObjects(repo)
    for move in moves:
        if move.oid == move.expected:
            raise Unusual("a ref that is to stay what it is")
        if move.ref.startswith("refs/heads/"):
            if move.expected is None:
                raise Unusual("a branch that is new")
            packed.above(move.oid, move.expected)
        else:
            loose.blob(move.oid)
    return packed, loose
