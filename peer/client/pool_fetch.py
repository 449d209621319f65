"""Files that this node's pool lacks and another node's has: who has them, and fetching one by its digest, from that
node or from the bucket where it left the file.

What was fetched lies in the pool like any other file, so that stages find it where its name says. Beside the pool it is
noted (DATA/fetched), so that retention may drop it again; a file that somebody changed since is a person's, and stays.
"""

import hashlib
import os
import shutil
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, cast

from blake3 import blake3

from flow.placement.lending import lent
from peer.client.executions import FarNode
from peer.client.files import FarShelf
from peer.client.signed import PeerAway, Peers
from runner import durable
from runner.files.bucket import Bucket
from runner.files.shared_folder import ShelfError
from runner.store import digests
from runner.store.errors import StoreError
from schema.node import LentFile

ASKED = 8
"""Nodes that are asked for one file."""
PIECE = 1 << 20
SPARE = 1 << 30
"""Bytes of the pool's disk that a fetched file leaves free."""
Tell = Callable[[str, int, int], None]


class NotFetched(Exception):
    """Another node has the file, and it did not come; the text says why."""


class PoolFetch:
    def __init__(self, data: Path, pool: Path, peers: Peers, bucket: Bucket | None = None) -> None:
        self.data, self.pool, self.peers, self.bucket = data, pool, peers, bucket
        self.noted = data / "fetched"

    def holder(self, path: str) -> str:
        """A node whose pool has that file; nothing where none is found."""
        for name in self._others():
            try:
                items = self._shelf(name).items(path)
                if any(item.path == path and not item.folder for item in items):
                    return name
            except (PeerAway, ShelfError, OSError, ValueError):
                continue
        return ""

    def _others(self) -> Iterator[str]:
        if self.peers.key is None:
            return
        known = sorted(name for name, each in self.peers.known.items() if each.address and name != self.peers.me)
        yield from [name for name in known if not self.peers.known[name].away][:ASKED]

    def _shelf(self, node: str) -> FarShelf:
        return FarShelf(FarNode(self.peers, node), "pool:", self.data / "uploads")

    def lent(self, path: str) -> tuple[str, LentFile] | None:
        """Who has left that file in the bucket of this node, and as what."""
        return lent(self.peers.known, self.peers.me, self.bucket.name, path) if self.bucket else None

    def bring(self, path: str, tell: Tell) -> bool:
        """Whether another node had it, and it is here now. NotFetched, OSError."""
        node, left = self.holder(path), None
        if not node:
            node, left = self.lent(path) or ("", None)
        if not node:
            return False
        try:
            digest, source, size = self._opened(node, path) if left is None else self._left(left)
            target = self._target(path, size)
            part = target.with_name(f".{target.name[:200]}.fetched.part")
            try:
                got = _copied(source, part, lambda done: tell(f"fetching {path} from {node}", done, size))
                if got != digest:
                    raise NotFetched(f"{path!r} changed on {node} while it was fetched")
                _place(part, target)
            finally:
                source.close()
                part.unlink(missing_ok=True)
        except (PeerAway, ShelfError, StoreError) as error:
            raise NotFetched(f"{path!r} could not be fetched from {node}: {error}") from None
        stamp = [*digests.stamp(target.stat())]
        durable.write(self._note(path), {"path": path, "digest": digest, "node": node, "stamp": stamp})
        return True

    def _opened(self, node: str, path: str) -> tuple[str, BinaryIO, int]:
        digest = self._shelf(node).digest(path)
        return digest, *self._shelf(node).open(path)

    def _left(self, left: LentFile) -> tuple[str, BinaryIO, int]:
        assert self.bucket
        return left.digest, cast(BinaryIO, self.bucket.open(left.digest)), left.bytes

    def _target(self, path: str, size: int) -> Path:
        free = shutil.disk_usage(self.pool).free
        if free < size + SPARE:
            raise NotFetched(f"there is no room in the pool of this node for {path!r}: {size} bytes, {free} are free")
        target = self.pool / path
        target.parent.mkdir(parents=True, exist_ok=True)
        within = target.parent.resolve()
        if self.pool.resolve() not in (within, *within.parents):
            raise NotFetched(f"{path!r} leads out of the pool")
        return target

    def _note(self, path: str) -> Path:
        return (
            self.noted / f"{hashlib.blake2b(path.encode('utf-8', 'surrogateescape'), digest_size=16).hexdigest()}.json"
        )

    def drop(self, wanted: Collection[str]) -> list[str]:
        """Let go of what was fetched and no stage reads; the names."""
        gone = []
        for note in sorted(self.noted.glob("*.json")) if self.noted.is_dir() else ():
            said = durable.read(note)
            path = str(said.get("path", ""))
            if path in wanted:
                continue
            if self._is_ours(path, said):
                (self.pool / path).unlink(missing_ok=True)
                gone.append(path)
            note.unlink(missing_ok=True)
        return gone

    def _is_ours(self, path: str, said: Mapping[str, object]) -> bool:
        try:
            return bool(path) and [*digests.stamp((self.pool / path).stat())] == said.get("stamp")
        except OSError:
            return False


def _copied(source: BinaryIO, part: Path, tell: Callable[[int], None]) -> str:
    state, done = blake3(), 0
    with part.open("wb") as file:
        while piece := source.read(PIECE):
            file.write(piece)
            state.update(piece)
            done += len(piece)
            tell(done)
        file.flush()
        os.fsync(file.fileno())
    return f"blake3:{state.hexdigest()}"


def _place(part: Path, target: Path) -> None:
    """Nothing that came meanwhile is replaced."""
    try:
        os.link(part, target)
    except FileExistsError:
        return
    except OSError:  # a file system without hard links
        part.rename(target)


class Offers:
    """Which of the files that this node lacks another one has: asked beside the rounds, and remembered for a while."""

    AGAIN = 30.0

    def __init__(self, fetch: PoolFetch, submit: Callable[[Callable[[], None]], None]) -> None:
        self.fetch, self.submit = fetch, submit
        self._known: dict[str, tuple[float, str]] = {}
        self._asking = False

    def of(self, paths: Iterable[str]) -> frozenset[str]:
        now, wanted = time.monotonic(), list(paths)
        left = frozenset(path for path in wanted if self.fetch.lent(path))
        if not self.fetch.peers.key:
            return left
        due = [path for path in wanted if now - self._known.get(path, (float("-inf"), ""))[0] > self.AGAIN]
        if due and not self._asking:
            self._asking = True
            self.submit(lambda: self._ask(due))
        self._known = {path: self._known[path] for path in wanted if path in self._known}
        return left | {path for path, (_, holder) in self._known.items() if holder}

    def _ask(self, paths: list[str]) -> None:
        try:
            found = {path: (time.monotonic(), self.fetch.holder(path)) for path in paths}
            self._known = {**self._known, **found}
        finally:
            self._asking = False
