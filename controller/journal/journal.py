"""What a node remembers over crashes: its incarnation, its claims, its outbox, the tips it saw, a push, what it wiped.

Kept outside the clone, so that a clone made anew forgets nothing. Claims and outbox are filed by container.
"""

import json
import re
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from controller.dirs.contract import Ready
from controller.journal.small_files import Disk
from flow.node.node_world import DeletionMark, ExecutionEnd, HeldClaim
from schema.execution import ImageRecord, SavedRecord, ServiceRecord
from schema.reasons import End

Document = TypeVar("Document", bound=BaseModel)


class JournalError(Exception):
    """The journal cannot be read; a person must look before anything is lost."""


@dataclass(frozen=True, slots=True)
class Tips:
    """The newest commits this node has seen."""

    main: str = ""
    state: str = ""


class Journal:
    """For threads: rounds, launches and collections write to it."""

    def __init__(self, disk: Disk) -> None:
        self.disk = disk
        self._lock = threading.RLock()
        self._entries = self._all("claims", HeldClaim)
        self._unwritten: set[str] = set()  # known here as they do not stand on the disk: just granted, or it was full
        self._outbox = self._all("outbox", ExecutionEnd)
        self._tips = self._read_tips("tips.json") or Tips()
        self._pushed = self._read_push()
        self._wiped = self._read_wiped()
        self.beats = self._read_beats()

    def _all(self, folder: str, model: type[Document]) -> dict[str, Document]:
        found: dict[str, Document] = {}
        for name in self.disk.names(folder):
            text = self.disk.read(f"{folder}/{name}") or b""
            try:
                found[name.removesuffix(".json")] = model.model_validate_json(text)
            except ValidationError as error:
                raise JournalError(
                    f"{folder}/{name} in the node's journal is damaged: {error.errors()[0]['msg']}"
                ) from None
        return found

    def _read_wiped(self) -> dict[str, DeletionMark]:
        """An older version wrote the number of the last execution only."""
        content = self.disk.read("wiped.json")
        try:
            found = json.loads(content) if content is not None else {}
            return {
                id: DeletionMark(execution=said) if isinstance(said, int) else DeletionMark(**said)
                for id, said in found.items()
            }
        except (ValueError, TypeError, AttributeError) as error:
            raise JournalError(
                f"wiped.json in the node's journal is damaged: {_first(error)}; without it, what deleted projects left "
                "here is looked for once more"
            ) from None

    # -- identity ---------------------------------------------------------------------------------------------------

    def incarnation(self) -> str | None:
        content = self.disk.read("incarnation")
        if content is not None and not re.fullmatch(rb"[!-~]{1,64}", content):
            raise JournalError(
                "incarnation in the node's journal is damaged; move it away, and join under another name"
            )
        return content.decode() if content else None

    def install(self, incarnation: str) -> None:
        self.disk.write("incarnation", incarnation.encode())

    def _read_beats(self) -> tuple[str, ...]:
        """Without them, the next start waits for a while."""
        try:
            return tuple(str(each) for each in json.loads(self.disk.read("beats.json") or b"[]"))
        except (ValueError, TypeError):
            return ("unknown",)

    def beat(self, nonces: tuple[str, ...]) -> None:
        """The beat of this node that landed last, and those sent since, written down before they are sent."""
        self.beats = nonces
        self.disk.write("beats.json", json.dumps(nonces).encode())

    # -- claims -----------------------------------------------------------------------------------------------------

    @property
    def entries(self) -> Mapping[str, HeldClaim]:
        with self._lock:
            return dict(self._entries)

    def keep(self, entry: HeldClaim) -> None:
        """File a claim under its container. Of one that is known already, only claim and phase are news: whoever
        decided on them saw the rest as it was then.
        """
        with self._lock:
            self._write(self._renewed(entry))

    def grant(self, entry: HeldClaim) -> None:
        """The same, for this process alone, until something of it is written. A claim that was written down as sent may
        be launched meanwhile: what its container is made from is written before that is made, and this with it.
        """
        with self._lock:
            self._entries[entry.container] = self._renewed(entry)
            self._unwritten.add(entry.container)

    def write_granted(self, container: str) -> None:
        """What `grant` left to be written, unless something was since. OSError."""
        with self._lock:
            entry = self._entries.get(container)
            if entry and container in self._unwritten:
                self._write(entry)

    def _renewed(self, entry: HeldClaim) -> HeldClaim:
        known = self._entries.get(entry.container)
        return known.model_copy(update={"claim": entry.claim, "phase": entry.phase}) if known else entry

    def send(self, entry: HeldClaim, *, at: float, boot: str) -> None:
        """Write down a claim before it is pushed."""
        with self._lock:
            self._write(entry.model_copy(update={"phase": "sent", "sent": at, "boot": boot}))

    def mark_made(
        self,
        container: str,
        image: ImageRecord,
        ready: Ready,
        began: str,
        services: tuple[ServiceRecord, ...] = (),
    ) -> None:
        """Write down what a container is made from before it is."""
        self._change(
            container,
            lambda entry: entry.model_copy(
                update={
                    "image": image,
                    "files": dict(ready.inputs),
                    "manifest": ready.manifest,
                    "project_files": ready.project_files,
                    "began": began,
                    "services": services,
                }
            ),
        )

    def mark_started(self, container: str, began: str) -> None:
        self._change(container, lambda entry: entry.model_copy(update={"phase": "started", "began": began}))

    def mark_saved(self, container: str, saved: SavedRecord) -> None:
        """What was taken of what a running stage saves. OSError."""
        self._change(container, lambda entry: entry.model_copy(update={"saved": saved}))

    def mark_stop(self, container: str, reason: End, text: str = "") -> None:
        """Write down why a container is stopped before it is. The first reason stays."""
        with self._lock:
            entry = self._entries.get(container)
            if entry and entry.stop is None:
                with suppress(OSError):  # a full disk is no reason to go on with what has to end
                    stopped = entry.model_copy(update={"stop": reason, "stopped_for": text})
                    self._change(container, lambda _: stopped)

    def _change(self, container: str, changed: Callable[[HeldClaim], HeldClaim]) -> None:
        with self._lock:
            entry = self._entries.get(container)
            if entry is None:
                return
            new = changed(entry)
            if container in self._unwritten or new != entry:
                self._write(new)

    def _write(self, entry: HeldClaim) -> None:
        """OSError where the disk is full: this process then knows what a later one will not."""
        self._entries[entry.container] = entry
        self._unwritten.add(entry.container)
        self.disk.write(f"claims/{entry.container}.json", entry.model_dump_json(exclude_defaults=True).encode())
        self._unwritten.discard(entry.container)

    # -- outbox -----------------------------------------------------------------------------------------------------

    @property
    def outbox(self) -> Mapping[str, ExecutionEnd]:
        with self._lock:
            return dict(self._outbox)

    def hold(self, ended: ExecutionEnd) -> None:
        """Remember an end that the disk has no room for. After a crash it is decided on anew."""
        with self._lock:
            self._outbox[ended.container] = ended

    def put(self, ended: ExecutionEnd) -> None:
        with self._lock:
            self.disk.write(f"outbox/{ended.container}.json", ended.model_dump_json(exclude_defaults=True).encode())
            self._outbox[ended.container] = ended

    def drop(self, container: str) -> None:
        """Settled: nothing of it is needed any more. The outbox goes last, so a crash between leaves no lost result."""
        with self._lock:
            self.disk.delete(f"claims/{container}.json")
            self._entries.pop(container, None)
            self._unwritten.discard(container)
            self.disk.delete(f"outbox/{container}.json")
            self._outbox.pop(container, None)

    # -- tips and wipes ---------------------------------------------------------------------------------------------

    def _read_push(self) -> Tips | None:
        """Of a damaged one nobody is told what it changed, and that is all."""
        try:
            return self._read_tips("push.json")
        except JournalError:
            return None

    def _read_tips(self, name: str) -> Tips | None:
        content = self.disk.read(name)
        try:
            return Tips(**json.loads(content)) if content is not None else None
        except (ValueError, TypeError) as error:
            raise JournalError(
                f"{name} in the node's journal is damaged: {_first(error)}; move it away once you have seen that main "
                "and winslow/state hold what they held"
            ) from None

    @property
    def tips(self) -> Tips:
        return self._tips

    def saw(self, tips: Tips) -> None:
        if tips != self._tips:
            self._tips = tips
            with suppress(OSError):  # older ones on a full disk are ancestors of these, and halt as well
                self.disk.write("tips.json", _written(tips))

    @property
    def pushed(self) -> Tips | None:
        """What a push was built on of which nobody has been told yet."""
        return self._pushed

    def begin_push(self, base: Tips) -> None:
        if base != self._pushed:
            self._pushed = base
            with suppress(OSError):  # then nobody is told of what a lost answer hid
                self.disk.write("push.json", _written(base))

    def end_push(self) -> None:
        if self._pushed:
            self.disk.delete("push.json")
            self._pushed = None

    @property
    def wiped(self) -> Mapping[str, DeletionMark]:
        return dict(self._wiped)

    def mark_wiped(self, project: str, wiped: DeletionMark) -> None:
        self._wiped[project] = wiped
        told = {id: each.model_dump(exclude_defaults=True) for id, each in self._wiped.items()}
        self.disk.write("wiped.json", json.dumps(told).encode())


def _first(error: Exception) -> str:
    return str(error).partition("\n")[0]


def _written(tips: Tips) -> bytes:
    return json.dumps({"main": tips.main, "state": tips.state}).encode()
