"""The workspaces of one node: opened for a stage, finished into a manifest, looked at, changed by a person, deleted.

    DATA/store/objects, tmp                          contents and manifests, see `objects`
    DATA/projects/<project>/<number>/workspace.json  the note: who has it, what it began with, what it became
    DATA/projects/<project>/<number>/{lower,upper,work}  of an overlay, while its stage is not finished
    DATA/projects/<project>/<number>/workspace       where it is mounted; without overlays the files themselves

Every step may be cut off anywhere: an open is made anew from its manifest, a finish goes on from the upper, and only
the note, written whole, makes either true.
"""

import json
import math
import os
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO, cast

from runner import durable as notes
from runner.contract.spec import Overlay
from runner.store import changes, digests, overlay, upper
from runner.store import collect as collecting
from runner.store import manifest as manifests
from runner.store.capture import keep_folder, keep_upper
from runner.store.checkout import copy_tree, link_tree
from runner.store.collect import NOTE
from runner.store.edit import Added, edited
from runner.store.errors import Dropped, MissingObject, NotFound, NotGiven, StoreError, gone
from runner.store.fetch import Holder, bring, fetch, renewed
from runner.store.gate import StoreGate
from runner.store.identity import is_shared
from runner.store.manifest import Manifest, Row, RowKind
from runner.store.objects import Objects, Owner, own
from runner.store.pins import Pins
from runner.store.saved import with_saved
from runner.store.tree import Tree, open_beneath

PARTS = ("lower", "upper", "work", "workspace", "needs")
MENDED = 3600.0
"""Seconds between two times that others are asked for what is damaged here."""
ABANDONED = 7 * 86_400.0
"""Seconds after which nobody writes to a file any more that has not changed."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A workspace that is ready for its stage. `manifest` is the digest of what it begins with."""

    path: Path
    overlay: Overlay | None
    manifest: str


@dataclass(slots=True)
class ReadingFile:
    """A file that says how far it has been read."""

    file: BinaryIO
    size: int
    progress: Callable[[int, int], None]
    done: int = 0

    def read(self, count: int) -> bytes:
        piece = self.file.read(count)
        self.done += len(piece)
        self.progress(self.done, self.size)
        return piece


class Workspaces:
    """`overlays`: None finds out, at the first workspace, whether this machine can.

    Looking needs no rights beyond reading the folder; everything else belongs to the controller, but `add` and `edit`,
    which anybody may do who can write to the store. `passing` hears the places at which a test may end this process.
    `later` is given what need not be waited for: to delete thousands of links takes longer than the rest of an end.

    `wanted` are contents that the repository asks for, whether or not something here names them; None while nobody has
    looked, and nothing is collected.
    """

    def __init__(
        self,
        data: Path,
        owner: Owner | None = None,
        *,
        overlays: bool | None = None,
        durable: bool = True,
        say: Callable[[str], None] = lambda text: None,
        passing: Callable[[str], None] = lambda place: None,
        later: Callable[[Callable[[], None]], None] = lambda work: work(),
    ) -> None:
        self.data, self.say, self.passing, self.later = data.absolute(), say, passing, later
        self.owner = owner or (os.geteuid(), os.getegid())
        self.objects = Objects(self.data / "store", self.owner, durable=durable)
        self.pins = Pins(self.objects.root)
        self.wanted: frozenset[str] | None = frozenset()
        self.shared = is_shared(self.data)
        self.gate = StoreGate()
        self._places = [threading.Lock() for _ in range(64)]
        self._overlays = overlays
        self._waiting = (frozenset[str](), frozenset[str]())  # what the last collection had to leave, and why
        self._unreadable = set[str]()  # lists of files, as the last collection found them
        self._doubts = dict[str, float]()  # those that were told of, and when others were last asked for them
        self._trash = (self.data if self.shared else self.objects.root) / "trash"

    def folder(self, project: str, execution: int) -> Path:
        return self.data / "projects" / project / f"{execution:04d}"

    @property
    def overlays(self) -> bool:
        if self._overlays is None:
            self.data.mkdir(parents=True, exist_ok=True)
            why = overlay.probe(self.data)
            self._overlays = why is None
            if why:
                self.say(f"workspaces are copied, not overlaid: {why}")
        return self._overlays

    # -- for the stage ----------------------------------------------------------------------------------------------

    def open(
        self,
        project: str,
        execution: int,
        container: str,
        base: str | None = None,
        *,
        add: Mapping[str, str] | None = None,
        remove: Iterable[str] = (),
        holders: Sequence[Holder] = (),
        givers: Sequence[Holder] = (),
    ) -> Opened:
        """A new workspace for this container, from a manifest (None: empty), with changes. StoreError.

        `holders` may have what is missing here of the manifest, `givers` of what is added to it.

        What an attempt before left at this place is put aside first: nothing of it is seen.
        """
        with self._at_work(project, execution) as folder:
            if base and holders:
                self._bring(base, holders)
            files = self.manifest(base) if base else Manifest()
            digest = base or self.objects.put(files.encode())
            if add and givers:
                self._fetch(add.values(), givers)
            if add or remove:
                known = {path: Added(*self._known(value)) for path, value in (add or {}).items()}
                files = edited(files, known, remove)
                digest = self.objects.put(files.encode())
            opened = self._open(folder, container, files, digest)
            self.pins.release((add or {}).values())
            return opened

    def save(self, project: str, execution: int, container: str, paths: Iterable[str]) -> str | None:
        """The manifest of what a stage at work has under these paths; None where that is nothing. It stays until the
        next one, and as long as the execution. StoreError where a file changes meanwhile.
        """
        with self._at_work(project, execution) as folder:
            note = notes.read(folder / NOTE)
            if note.get("container") != container or isinstance(note.get("result"), str):
                return None
            tree = self.look(project, execution)
            found = {row.path: row for path in paths for row in tree.matching(path)}
            if not found:
                return None
            rows = [self._saved_row(tree, row) for row in found.values()]
            above = {folder for path in found for folder in manifests.parents(path)}
            files = manifests.build([*rows, *(Row(path, RowKind.DIRECTORY) for path in above)])
            digest = self.objects.put(files.encode())
            before = note.get("saved")
            if before != digest:
                notes.write(folder / NOTE, {**note, "saved": digest})
                if not self.shared:
                    collecting.condemn(self.objects, (before,))
            return digest

    def _saved_row(self, tree: Tree, row: Row) -> Row:
        if row.value:
            return row
        with tree.opener(row) as file:
            before = digests.stamp(os.fstat(file.fileno()))
            digest, size = self.objects.copy(file, row.kind is RowKind.PROGRAM)
            if digests.stamp(os.fstat(file.fileno())) != before:
                raise StoreError(f"{manifests.shown(row.path)} is being written to")
        return row._replace(size=size, value=digest)

    def with_saved(
        self, base: str | None, saved: str, paths: Iterable[str], holders: Sequence[Holder], givers: Sequence[Holder]
    ) -> tuple[str, int]:
        """The manifest of `base` (None: empty) with what an earlier attempt had saved, and how many files that is.

        `holders` may have what is missing here of the one, `givers` of the other. Its files come when it is opened.
        StoreError.
        """
        with self.gate.shared():
            if base and holders:
                self._bring(base, holders)
            self._fetch([saved], givers)
            before = self.manifest(base) if base else Manifest()
            files, count = with_saved(before, self.manifest(saved), paths)
            return self.objects.put(files.encode()), count

    def lay_beside(self, project: str, execution: int, given: Iterable[tuple[str, str, Sequence[Holder]]]) -> Path:
        """The files of several manifests, each under a path of its own, only to be read. StoreError.

        With overlays they are links into the store: whoever lets a stage see them must not let it write there.
        """
        with self._at_work(project, execution) as folder:
            place = folder / "needs"
            self._aside(place)
            place.mkdir(mode=0o755)
            for path, manifest, holders in given:
                if holders:
                    self._bring(manifest, holders)
                (place / path).parent.mkdir(mode=0o755, exist_ok=True)
                lay = link_tree if self.overlays else copy_tree
                lay(self.objects, self.manifest(manifest), place / path)
            return place

    def _bring(self, manifest: str, holders: Sequence[Holder]) -> None:
        with self.objects.together():
            came = bring(self.objects, manifest, holders, self.say, lambda: self.passing("object-came"))
        if came:
            self.say(f"fetched {came / 2**20:.1f} MiB of a workspace: {', '.join(holder.name for holder in holders)}")

    def _fetch(self, contents: Iterable[str], givers: Sequence[Holder]) -> None:
        try:
            with self.objects.together():
                came = fetch(self.objects, contents, givers, self.say)
        except MissingObject as error:
            raise NotGiven(f"what was put in for it cannot be had, put it in again: {error}") from None
        if came:
            self.say(f"fetched {came / 2**20:.1f} MiB that a person put in")

    def _open(self, folder: Path, container: str, files: Manifest, digest: str) -> Opened:
        folder.mkdir(parents=True, exist_ok=True)
        self._put_aside(folder)
        notes.write(folder / NOTE, {"container": container, "from": digest, "overlay": self.overlays})
        if not self.overlays:
            copy_tree(self.objects, files, folder / "workspace")
            return Opened(folder / "workspace", None, digest)
        link_tree(self.objects, files, folder / "lower")
        self.passing("workspace-linked")
        for name in ("upper", "work", "workspace"):
            (folder / name).mkdir(mode=0o755)
            own(folder / name, self.owner)
        self.passing("workspace-ready")
        return Opened(folder / "workspace", Overlay(folder / "lower", folder / "upper", folder / "work"), digest)

    def _known(self, digest: str) -> tuple[str, int]:
        return digest, self.objects.find(digest).stat().st_size

    def finish(self, project: str, execution: int, container: str | None = None) -> str:
        """The manifest of what the stage left, once nothing of it runs any more. Again it says the same. StoreError.

        `container`: only if the workspace is still that one's.
        """
        with self._at_work(project, execution) as folder:
            note = notes.read(folder / NOTE)
            if isinstance(note.get("dropped"), str):
                raise Dropped(gone(project, execution, note["dropped"]))
            if container and note.get("container", container) != container:
                raise NotFound(f"the workspace was given to another run ({note['container']})")
            result = note.get("result")
            if not isinstance(result, str):
                result = self._keep(folder, note)
            self._put_aside(folder)
            return result

    def _keep(self, folder: Path, note: Mapping[str, object]) -> str:
        """All of it is on the disk, the note too, before the note is where it is found."""
        with notes.FileDraft(folder / NOTE) as draft:
            with self.objects.together() as others:
                result = self.objects.put(self._left(folder, note))
                others.append(draft.write(json.dumps({**note, "result": result}).encode()))
            self.passing("workspace-hashed")
            draft.keep()
        self.passing("workspace-kept")
        return result

    def take(self, project: str, execution: int, container: str, manifest: str) -> None:
        """What another execution left is what this one leaves, though it never ran. MissingObject where it is not here.

        Every content has to be here: what is named in a result can be looked at.
        """
        with self._at_work(project, execution) as folder:
            for row in self.manifest(manifest).contents():
                self.objects.find(row.value)
            note = notes.read(folder / NOTE)
            if note.get("container") != container:
                raise NotFound(f"the workspace was given to another run ({note.get('container')})")
            notes.write(folder / NOTE, {**note, "result": manifest})
            self._put_aside(folder)

    def _left(self, folder: Path, note: Mapping[str, object]) -> bytes:
        if note.get("overlay"):
            if not self.overlays:  # what it hides can be read only by who may mount it
                raise StoreError(f"{folder} is an overlay; to read it, start this node with its former rights")
            base = self.objects.read(str(note["from"]), manifests.MOST_BYTES)  # checked when it was laid out
            return keep_upper(self.objects, base, folder / "upper")
        return keep_folder(self.objects, folder / "workspace")

    @contextmanager
    def _at_work(self, project: str, execution: int) -> Iterator[Path]:
        """Nobody else is at work on this execution, and nobody deletes objects."""
        with self._places[hash((project, execution)) % len(self._places)], self.gate.shared():
            yield self.folder(project, execution)

    def let_go(self, project: str, execution: int, container: str) -> None:
        """This container will write no more, and nobody asked what it left: what it changed can still be looked at."""
        folder = self.folder(project, execution)
        if notes.read(folder / NOTE).get("container") == container:
            for name in ("lower", "work"):
                self._aside(folder / name)

    # -- looking ----------------------------------------------------------------------------------------------------

    def manifest(self, digest: str) -> Manifest:
        """MissingObject, DamagedObject, BadManifest."""
        return manifests.parse(self.objects.read(digest, manifests.MOST_BYTES))

    def result(self, project: str, execution: int) -> str | None:
        """The manifest of what an execution left, as far as this node knows."""
        found = notes.read(self.folder(project, execution) / NOTE).get("result")
        return found if isinstance(found, str) else None

    def tree(self, digest: str) -> Tree:
        """The files of any manifest that this node has. MissingObject."""
        return Tree(self.manifest(digest).rows, lambda row: self.objects.open(row.value))

    def look(self, project: str, execution: int) -> Tree:
        """The files of an execution on this node: what it left, or as its stage has them now. NotFound.

        Everything is read from the folder each time, so it may be called beside a running controller. Of a stage at
        work, only root sees which folders it has emptied; to others their old files are still there.
        """
        folder = self.folder(project, execution)
        note = notes.read(folder / NOTE)
        if isinstance(note.get("result"), str):
            return self.tree(note["result"])
        if isinstance(note.get("dropped"), str):
            raise Dropped(gone(project, execution, note["dropped"]))
        try:
            if note.get("overlay"):
                below = self.manifest(str(note["from"]))
                root = folder / "upper"
                rows = changes.rows(below, upper.changes(root, upper.unread))
            else:
                rows, root = upper.walk(folder / "workspace", upper.unread), folder / "workspace"
        except FileNotFoundError:
            raise NotFound(f"execution {execution} of {project} is not on this node ({folder})") from None
        return Tree({row.path: row for row in rows}, lambda row: self._now(row, root), changing=True)

    def _now(self, row: Row, root: Path) -> BinaryIO:
        return self.objects.open(row.value) if row.value else open_beneath(root, row.path)

    # -- changing what a stage begins with --------------------------------------------------------------------------

    def add(self, source: BinaryIO, executable: bool = False) -> Added:
        """Store a content, for `edit`. It stays until an opened workspace names it, or `pins.KEPT`."""
        digest, size = self.objects.copy(source, executable, pins=None if self.shared else self.pins)
        return Added(digest, size, executable)

    def add_file(self, source: Path, progress: Callable[[int, int], None] = lambda done, size: None) -> Added:
        """The same of a file, told how far it is. StoreError where it changes meanwhile, OSError."""
        before = os.stat(source)
        with source.open("rb") as file:
            added = self.add(cast(BinaryIO, ReadingFile(file, before.st_size, progress)))
        if digests.stamp(os.stat(source)) != digests.stamp(before):
            raise StoreError(f"{source} changed while it was read; put it in again")
        return added

    def edit(self, base: str | None, add: Mapping[str, Added], remove: Iterable[str] = ()) -> str:
        """The digest of a changed tree, see `edit`; what it is made from stays as it is. StoreError."""
        before = self.manifest(base) if base else Manifest()
        return self.objects.put(edited(before, add, remove).encode())

    # -- deleting ---------------------------------------------------------------------------------------------------

    def delete(self, project: str, execution: int) -> None:
        """Its folder; objects that only it named go with the next `collect`, or stay where others may need them."""
        folder = self.folder(project, execution)
        note = notes.read(folder / NOTE)
        if not self.shared:
            collecting.condemn(self.objects, (note.get("from"), note.get("result"), note.get("saved")))
        self._aside(folder)
        self.clear()

    def drop(self, project: str, execution: int, why: str) -> None:
        """What it left goes with the next `collect`; that it was dropped, and why, stays. Cut off, do it again.

        From the first note on its manifests are nobody's, and only then condemned: a `collect` of another process that
        found them condemned and still in use would forget about them.
        """
        with self._at_work(project, execution) as folder:
            note = notes.read(folder / NOTE)
            was = note.get("was") or [note.get("from"), note.get("result"), note.get("saved")]
            notes.write(folder / NOTE, {"container": note.get("container"), "dropped": why, "was": was})
            self.passing("drop-noted")
            if not self.shared:
                collecting.condemn(self.objects, was)
            self.passing("drop-condemned")
            self._put_aside(folder)
            notes.write(folder / NOTE, {"container": note.get("container"), "dropped": why})

    def discard(self, path: Path) -> None:
        """Any folder of this data directory: gone at once, its bytes a little later."""
        self._aside(path)
        self.later(self.clear)

    def dropped(self, project: str, execution: int) -> str | None:
        """Why retention dropped it here, if it did."""
        found = notes.read(self.folder(project, execution) / NOTE).get("dropped")
        return found if isinstance(found, str) else None

    def size(self, project: str, execution: int) -> int:
        """Bytes of what it left, as far as it is here."""
        try:
            return sum(row.size for row in self.look(project, execution).files())
        except StoreError:
            return 0

    def collect(self) -> int:
        """Delete objects that only deleted executions named; bytes. Does nothing while somebody else is at work.

        Nor ever in a shared store: what other nodes need stands in their notes, not in this one's.
        """
        if self.shared or self.wanted is None:
            return 0
        with self.gate.alone() as free, self.pins.alone() as apart:
            return self._collect(self.wanted) if free and apart else 0

    def _collect(self, wanted: frozenset[str]) -> int:
        """What waits is not looked at again before something is new."""
        waiting, expired = self.pins.all()
        held = wanted | waiting
        if (collecting.condemned(self.objects) <= self._waiting[0] and held == self._waiting[1]) and not expired - held:
            return 0
        self._unreadable.clear()
        freed = collecting.collect(
            self.objects, self.data / "projects", self.passing, held=held, expired=expired, doubt=self._doubt
        )
        if freed is not None:
            self.pins.release(expired - held)
        self._waiting = (collecting.condemned(self.objects), held)
        return freed or 0

    def _doubt(self, manifest: str, text: str) -> None:
        self._unreadable.add(manifest)
        if manifest not in self._doubts:
            self._doubts[manifest] = -math.inf
            whose = islice(collecting.named_for(self.data / "projects", manifest), 5)
            self.say(f"{', '.join(whose)}: {text}")

    def mend(self, holders: Callable[[], Iterable[Holder]], every: float = MENDED) -> None:
        """Lists of files that the last collection could not read, anew from whoever has them; each asked for seldom."""
        now, mended = time.monotonic(), False
        for manifest in sorted(self._unreadable):
            if now - self._doubts.get(manifest, -every) < every:
                continue
            self._doubts[manifest] = now
            if renewed(self.objects, manifest, holders()):
                mended = True
                del self._doubts[manifest]
                self.say(f"the list of files {manifest} is whole again: another had it")
        if mended:
            self._waiting = (frozenset(), frozenset())
            self.collect()

    def _put_aside(self, folder: Path) -> None:
        for name in PARTS:
            self._aside(folder / name)
        self.later(self.clear)

    def _aside(self, path: Path) -> None:
        """Out of the way by one rename: whatever still has it mounted or open goes on without harm to anybody."""
        self._trash.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            path.rename(self._trash / secrets.token_hex(8))

    def clear(self) -> None:
        """Delete what was put aside."""
        for path in self._trash.glob("*"):
            shutil.rmtree(path, ignore_errors=True)

    def repair(self) -> None:
        """At the start of a controller: what the one before left half-done."""
        self.clear()
        if not self.shared:
            shutil.rmtree(self.objects.tmp, ignore_errors=True)
            return
        for part in self.objects.tmp.glob("*"):  # others may be writing there now
            with suppress(FileNotFoundError):
                if time.time() - part.stat().st_mtime > ABANDONED:
                    part.unlink()
