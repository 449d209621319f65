"""How far executions are, in percent: of this machine's from their files, of other nodes' from what those answer.

Another node is asked only while somebody looks, in the background, for all that it runs at once; nobody waits for the
answer, and the next look has it. A node that does not answer is left alone for a while, and what it said is forgotten.
"""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from flow.model.snapshot import Snapshot
from flow.project.active import open_views
from peer.client.executions import MOST_ASKED, FarNode, peers_of
from runner import launch_progress, program_output
from runner.store.errors import StoreError
from schema.execution import Execution
from webui.source.view_source import Look

EVERY, RESTS = 4.0, 30.0
"""Seconds from one question to the next, of a node that answers and of one that does not."""
KEPT = 20.0
"""Seconds for which an answer stands for what a node says now."""
AT_ONCE = 8
"""Nodes that are asked at the same time."""
MOST = 500
"""Executions of this machine whose last word is remembered."""
Ask = Callable[[Look, str, Sequence[str]], Mapping[str, float]]


@dataclass(slots=True)
class Known:
    """What a node said, and when it is asked again."""

    percent: Mapping[str, float] = field(default_factory=dict)
    heard: float = float("-inf")
    due: float = float("-inf")


class ProgressReader:
    """`data` is the directory of the node on this machine; `ask` as `asked`. StoreError from it: the node is away."""

    def __init__(self, data: Path | None, now: Callable[[], float] = time.monotonic, ask: Ask | None = None) -> None:
        self.data, self.now, self.ask = data, now, ask or self._asked
        self._here: dict[Path, float] = {}
        self._there: dict[str, Known] = {}
        self._lock, self._room = threading.Lock(), threading.Semaphore(AT_ONCE)

    def of(self, look: Look, record: Execution) -> float | None:
        """None of what does not run, and where nobody knows."""
        if self.data is None or not record.state.active:
            return None
        folder = self.data / "runs" / record.claim.container
        if record.claim.node == look.node or folder.is_dir():
            return self._of(folder)
        return self._elsewhere(look, record)

    def _of(self, folder: Path) -> float | None:
        """What it said last: a program that writes its progress anew empties the file for a moment."""
        if begun := launch_progress.shown(folder):
            return begun.percent  # of another thing than what the program will say
        said = program_output.progress(folder)
        if said is None:
            return self._here.get(folder)
        if len(self._here) >= MOST and folder not in self._here:
            self._here.clear()
        self._here[folder] = said
        return said

    def _elsewhere(self, look: Look, record: Execution) -> float | None:
        node, now = record.claim.node, self.now()
        with self._lock:
            known = self._there.setdefault(node, Known())
            if now >= known.due and self._room.acquire(blocking=False):
                known.due = now + RESTS
                args = (look, node, known)
                threading.Thread(target=self._renew, args=args, name="progress", daemon=True).start()
            return known.percent.get(record.claim.container) if now - known.heard <= KEPT else None

    def _renew(self, look: Look, node: str, known: Known) -> None:
        try:
            known.percent = self.ask(look, node, running(look.snapshot, node))
            known.heard = self.now()
            known.due = known.heard + EVERY
        except StoreError:
            known.due = self.now() + RESTS
        finally:
            self._room.release()

    def _asked(self, look: Look, node: str, containers: Sequence[str]) -> Mapping[str, float]:
        peers = peers_of(self.data, look.snapshot.inventories) if self.data else None
        return FarNode(peers, node).progress(containers) if peers else {}


def running(snapshot: Snapshot, node: str) -> list[str]:
    """The containers that a node has at work, as many as it is asked about at once."""
    records = (record for view in open_views(snapshot) for record in view.executions)
    found = [each.claim.container for each in records if each.state.active and each.claim.node == node]
    return found[:MOST_ASKED]
