"""What lies in the pools of other nodes: asked of all that answer, at once, with the key of this machine's node."""

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from flow.model.snapshot import Snapshot
from flow.node.node_states import standing
from peer.client.executions import FarNode, peers_of
from peer.client.files import FarShelf
from peer.client.signed import PeerAway
from runner.files.shared_folder import Item, ShelfError

ASKED = 32
"""Nodes that are asked."""


def pools(data: Path, uploads: Path, snapshot: Snapshot, path: str) -> dict[str, list[Item]]:
    """What they have in that folder, by node, as far as they answer; nothing where none can be asked from here."""
    peers = peers_of(data, snapshot.inventories)
    if peers is None:
        return {}
    names = [name for name in sorted(snapshot.inventories) if name != peers.me and standing(snapshot, name).answers]
    found = {name: there for name in names if (there := FarNode(peers, name)).reachable}
    asked = dict(list(found.items())[:ASKED])
    with ThreadPoolExecutor(max(1, len(asked))) as threads:
        listed = threads.map(lambda there: _items(there, uploads, path), asked.values())
    return {name: items for name, items in zip(asked, listed, strict=True) if items}


def _items(there: FarNode, uploads: Path, path: str) -> list[Item]:
    try:
        return list(FarShelf(there, "pool:", uploads).items(path))
    except (PeerAway, ShelfError, OSError):
        return []


def where(here: str, items: Iterable[Item], lies: Mapping[str, Sequence[Item]]) -> list[dict[str, Any]]:
    """Each file once, with the nodes that have it. Another size is another file."""
    found: dict[tuple[str, int], dict[str, Any]] = {}
    for node, its in ((here, items), *lies.items()):
        for item in its:
            key = (item.path, -1 if item.folder else item.bytes)
            row = {"path": item.path, "bytes": item.bytes, "folder": item.folder, "nodes": []}
            found.setdefault(key, row)["nodes"].append(node)
    return [found[key] for key in sorted(found)]
