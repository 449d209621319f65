"""What other nodes have, asked for with the key of this machine's node."""

import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from cli import settings
from cli.errors import CommandError

if TYPE_CHECKING:
    from flow.model.snapshot import Snapshot
    from peer.client.executions import FarNode, RemoteLog
    from peer.client.files import FarShelf
    from runner.files.shared_folder import Item
    from runner.store.tree import Tree

LOOK_EVERY = 0.3
PIECE = 1 << 20


def other(snapshot: "Snapshot", node: str) -> "FarNode | None":
    """The other node, if it can be asked from here."""
    from peer.client.executions import FarNode, peers_of

    peers = peers_of(settings.data(), snapshot.inventories)
    if peers is None:
        return None
    found = FarNode(peers, node)
    return found if found.reachable else None


def why_not(snapshot: "Snapshot", node: str) -> str:
    """Why it cannot be asked, and what to do."""
    inventory = snapshot.inventories.get(node)
    if inventory is None:
        return f"node {node!r} is not part of this repository any more"
    if not inventory.address:
        return f"it is on {node}, which has no address for others; start that node with --peer HOST:PORT"
    return f"it is on {node}; ask on a machine whose node has --peer too, or there"


def shelf(node: str, name: str) -> "FarShelf":
    """The pool or the files of a project on another node, or where it keeps what is put in for an execution's next."""
    from peer.client.files import FarShelf

    _, snapshot = settings.snapshot()
    there = other(snapshot, settings.checked_name(node, "node"))
    if there is None:
        raise CommandError(f"{name} of {node} cannot be had from here: {why_not(snapshot, node)}")
    return FarShelf(there, name, settings.cache() / "uploads")


def pools(path: str) -> "dict[str, list[Item]]":
    """What the pools of other nodes have in that folder, as far as they answer; nothing where none can be asked."""
    from peer.client import pools as others
    from state.contract.errors import StateError

    try:
        _, snapshot = settings.snapshot()
    except (CommandError, StateError):
        return {}  # the pool of this machine is seen without a repository, too
    return others.pools(settings.data(), settings.cache() / "uploads", snapshot, path)


def content(snapshot: "Snapshot", node: str, digest: str) -> bytes:
    """A small object that a node has. StoreError."""
    from peer.client.signed import PeerAway
    from runner.store.digests import of_bytes
    from runner.store.errors import DamagedObject
    from runner.store.manifest import MOST_BYTES

    there = other(snapshot, node)
    source = there.peers.source(node) if there else None
    if source is None:
        raise PeerAway(why_not(snapshot, node))
    with source(digest) as file:
        found = b"".join(iter(lambda: file.read(PIECE), b""))[: MOST_BYTES + 1]
    if of_bytes(found) != digest:
        raise DamagedObject(f"{digest} is damaged on {node}")
    return found


@contextmanager
def mirrored(log: "RemoteLog", *, grows: bool) -> "Iterator[Path]":
    """The log there as a file here, which grows as that one does until the end. PeerAway where it cannot be had."""
    from peer.client.signed import PeerAway

    with tempfile.TemporaryDirectory(prefix="winslow-log-") as folder:
        file, over = Path(folder) / "log", threading.Event()
        try:
            _copy(log, file)
        except OSError as error:
            raise PeerAway(str(error)) from None
        thread = threading.Thread(target=_follow, args=(log, file, over), name="mirror", daemon=True)
        if grows:
            thread.start()
        try:
            yield file
        finally:
            over.set()
            if thread.is_alive():
                thread.join(5)


def _follow(log: "RemoteLog", file: Path, over: threading.Event) -> None:
    """A node that is away for a while is asked again."""
    while not over.wait(LOOK_EVERY):
        try:
            _copy(log, file)
        except OSError:
            continue


def _copy(log: "RemoteLog", file: Path) -> None:
    with file.open("ab") as target:
        while piece := log.read(target.tell(), PIECE):
            target.write(piece)
            target.flush()


def keeper(id: str, number: int) -> str:
    """The other node where what is put in for an execution's next is to lie; nothing for this machine."""
    from cli.history import execution_of
    from runner.store.errors import StoreError
    from runner.store.workspaces import Workspaces

    try:
        Workspaces(settings.data()).look(id, number)
        return ""
    except StoreError:
        _, snapshot, view = settings.project(id)
        node = execution_of(view, str(number)).claim.node
        return node if other(snapshot, node) else ""


def look(id: str, number: int) -> "Tree":
    """The files of an execution: of this machine, else of the node that ran it. CommandError says why not."""
    from cli.history import execution_of
    from runner.store.errors import Dropped, StoreError
    from runner.store.workspaces import Workspaces

    try:
        return Workspaces(settings.data()).look(settings.checked_name(id, "project"), number)
    except StoreError as error:
        here = error
    _, snapshot, view = settings.project(id)
    record = execution_of(view, str(number))
    there = other(snapshot, record.claim.node)
    if there is None:
        if isinstance(here, Dropped):
            raise CommandError(str(here))
        raise CommandError(f"{here}; {why_not(snapshot, record.claim.node)}")
    try:
        return there.rows(id, number)
    except StoreError as error:
        raise CommandError(str(error)) from None
