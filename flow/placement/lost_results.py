"""What went with a store: results that a node made, left in a store it no longer has, and that nobody else has."""

from flow.model.snapshot import Snapshot


def lost_with_store(snapshot: Snapshot, node: str, store: str) -> tuple[str, ...]:
    """`project/number` of each. `store` is what the node has now."""
    others = {told.store for name, told in snapshot.inventories.items() if name != node} | {"", store}
    return tuple(
        f"{view.id}/{made.execution}"
        for view in snapshot.projects.values()
        for made in view.executions
        if made.claim.node == node and made.result and made.result.manifest
        if made.result.store not in others and not made.result.bucket
    )
