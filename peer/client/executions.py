"""What another node has of an execution: its log and its files, asked for with this node's key."""

import http.client
import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO, cast
from urllib.parse import quote

from peer.client.signed import Key, PeerAway, Peers
from runner import durable, extras
from runner.store.errors import NotFound, StoreError
from runner.store.manifest import Row, RowKind, check_path
from runner.store.tree import Tree
from schema.execution import Execution
from schema.node import Inventory

TIMEOUT = 5.0
SHARING = 3
"""Nodes that are asked for a log that none of them wrote."""
MOST_ROWS_BYTES = 256 << 20
MOST_ASKED, MOST_PROGRESS_BYTES = 64, 16 << 10
"""Runs that a node is asked about at once, and bytes of its answer."""
MOST_LOAD_BYTES, MOST_POINTS = 256 << 10, 300
"""Of what a node says of its load."""
_TOTAL = re.compile(r"bytes (?:[0-9]+-[0-9]+|\*)/([0-9]+)")


def log_path(container: str) -> str:
    return f"/peer/runs/{container}/log"


def kept_log_path(digest: str) -> str:
    return f"/peer/logs/{digest}"


def progress_path(containers: Sequence[str]) -> str:
    return f"/peer/progress/{'.'.join(containers)}"


def load_path(span: int) -> str:
    return f"/peer/load/{span}"


def rows_path(project: str, execution: int) -> str:
    return f"/peer/rows/{project}/{execution}"


def file_path(project: str, execution: int, path: str) -> str:
    return f"/peer/now/{project}/{execution}/{quote(path.encode('utf-8', 'surrogateescape'), safe='')}"


def peers_of(data: Path, inventories: Mapping[str, Inventory]) -> Peers | None:
    """With the key of the node whose data directory this is; None where there is no node, or it has no key."""
    name, key = durable.read(data / "view.json").get("node"), data / "node" / "peer.key"
    if not isinstance(name, str) or not key.is_file() or extras.lacking(extras.KEYS):
        return None
    peers = Peers(name, Key(key))
    peers.known = inventories
    return peers


@dataclass(frozen=True, slots=True)
class FarNode:
    """One other node. PeerAway where it does not answer or refuses."""

    peers: Peers
    node: str

    @property
    def reachable(self) -> bool:
        found = self.peers.known.get(self.node)
        return bool(self.peers.key and found and found.address and self.node != self.peers.me)

    def key_and_address(self) -> tuple[Key, str]:
        """What it is asked with, and where."""
        found, key = self.peers.known.get(self.node), self.peers.key
        if key is None or found is None or not found.address:
            raise PeerAway(f"{self.node} has no address: start it with --peer")
        return key, found.address

    def part(self, path: str, offset: int, count: int) -> tuple[bytes, int]:
        """At most so many bytes of what lies there, and how many there are in all. NotFound."""
        answer = self._get(path, f"bytes={offset}-{offset + max(count, 1) - 1}")
        found = _TOTAL.fullmatch(answer.getheader("content-range") or "")
        total = int(found[1]) if found else int(answer.getheader("content-length") or 0)
        return (b"" if answer.status == 416 else answer.read(count), total)

    def rows(self, project: str, execution: int) -> Tree:
        """The files of an execution there, as `Workspaces.look` shows them. NotFound."""
        content = self._get(rows_path(project, execution), "").read(MOST_ROWS_BYTES + 1)
        try:
            told = json.loads(content)
            rows = [Row(str(path), RowKind(kind), int(size), str(value)) for path, kind, size, value in told["rows"]]
            for row in rows:
                check_path(row.path)
            changing = bool(told["changing"])
        except (ValueError, TypeError, KeyError, StoreError) as error:
            raise PeerAway(f"{self.node} answers something else than its files: {error}") from None
        found = {row.path: row for row in rows}
        return Tree(found, lambda row: self._open(project, execution, row, changing), changing=changing)

    def progress(self, containers: Sequence[str]) -> dict[str, float]:
        """Percent of those that say something. NotFound where a node is too old to be asked this."""
        if not containers:
            return {}
        answer, until = self._get(progress_path(containers[:MOST_ASKED]), ""), time.monotonic() + TIMEOUT
        content = b""
        try:
            while len(content) <= MOST_PROGRESS_BYTES and time.monotonic() < until and (piece := answer.read1(4096)):
                content += piece
        except (OSError, http.client.HTTPException) as error:
            raise PeerAway(f"{self.node} does not answer: {error}") from None
        try:
            told = json.loads(content)
        except (ValueError, RecursionError):
            return {}
        said = [(name, told.get(name)) for name in containers] if isinstance(told, dict) else []
        return {name: float(value) for name, value in said if isinstance(value, int | float) and 0 <= value <= 100}

    def load(self, span: int) -> dict[str, list[tuple[float, float]]]:
        """Of its machine over the last seconds: (seconds ago, value) of each column, oldest first. NotFound."""
        try:
            told = json.loads(self._get(load_path(span), "").read(MOST_LOAD_BYTES + 1))
            return {
                str(name): [(float(ago), float(value)) for ago, value in points][:MOST_POINTS]
                for name, points in told.items()
            }
        except (ValueError, TypeError, AttributeError, RecursionError, OSError, http.client.HTTPException) as error:
            raise PeerAway(f"{self.node} says nothing of its load: {error}") from None

    def _open(self, project: str, execution: int, row: Row, changing: bool) -> BinaryIO:
        if row.value and not changing:
            source = self.peers.source(self.node)
            if source is None:
                raise PeerAway(f"{self.node} cannot be asked from here")
            return cast(BinaryIO, source(row.value))
        return cast(BinaryIO, self._get(file_path(project, execution, row.path), ""))

    def _get(self, path: str, wanted: str) -> http.client.HTTPResponse:
        key, address = self.key_and_address()
        headers = {"Authorization": key.header(self.peers.me, self.node, path)}
        connection = http.client.HTTPConnection(address, timeout=TIMEOUT)
        try:
            connection.request("GET", path, headers=headers | ({"Range": wanted} if wanted else {}))
            answer = connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            raise PeerAway(f"{self.node} ({address}) does not answer: {error}") from None
        if answer.status == 404:
            raise NotFound(f"{self.node} has nothing like that any more")
        if answer.status not in (200, 206, 416):
            raise PeerAway(f"{self.node} ({address}) answers {answer.status} {answer.reason}")
        return answer


class RemoteLog:
    """A log on another node, as a `LogSource`; of a container that ran there, or by its path whatever ran where."""

    def __init__(self, remote: FarNode, container: str, path: str | None = None) -> None:
        self.remote, self.path = remote, path or log_path(container)
        self.key = f"{remote.node}/{container}"

    def size(self) -> int:
        return self._part(0, 1)[1]

    def read(self, offset: int, count: int) -> bytes:
        return self._part(offset, count)[0]

    def _part(self, offset: int, count: int) -> tuple[bytes, int]:
        try:
            return self.remote.part(self.path, offset, count)
        except NotFound:
            return b"", 0
        except PeerAway as error:
            raise OSError(str(error)) from None


def logs_of(peers: Peers, record: Execution) -> Iterator[RemoteLog]:
    """Where its log may be had from: the node that ran it, then some that share that one's store."""
    ran, container = record.claim.node, record.claim.container
    if (first := FarNode(peers, ran)).reachable:
        yield RemoteLog(first, container)
    known = peers.known.get(ran)
    store = (record.result.store if record.result else "") or (known.store if known else "")
    if not (store and record.state.ended and record.log and record.log.digest):
        return
    sharing = (node for node, each in sorted(peers.known.items()) if each.store == store and node != ran)
    for other in islice((remote for node in sharing if (remote := FarNode(peers, node)).reachable), SHARING):
        yield RemoteLog(other, container, kept_log_path(record.log.digest))
