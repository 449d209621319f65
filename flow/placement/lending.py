"""Files of a pool that other nodes wait for, and that come to them by a bucket. Pure.

Who lacks a file says so in its inventory. A node that has it leaves it in the bucket they share, and says under which
digest: so what is fetched is what a commit names, whoever else can write to the bucket.
"""

from collections.abc import Mapping

from flow.model.snapshot import Snapshot
from flow.node.node_states import standing
from schema.node import Inventory, LentFile

MOST = 50
"""Files that one node lends at a time."""


def asked(snapshot: Snapshot, me: Inventory) -> tuple[str, ...]:
    """What nodes that answer lack, and could have from the bucket of this one."""
    if not me.bucket:
        return ()
    lacking = (
        path
        for name, other in snapshot.inventories.items()
        if name != me.node and other.bucket == me.bucket and other.lacks and standing(snapshot, name).answers
        for path in other.lacks
    )
    return tuple(sorted(set(lacking))[:MOST])


def lent(inventories: Mapping[str, Inventory], me: str, bucket: str, path: str) -> tuple[str, LentFile] | None:
    """Who has left a file in that bucket, and as what. It lies there also when that node is away."""
    for name, other in sorted(inventories.items()):
        if name != me and bucket and other.bucket == bucket:
            for each in other.lends:
                if each.path == path:
                    return name, each
    return None
