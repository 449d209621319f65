"""What stands beside every page: how many projects need a person, and how the fleet is used."""

from dataclasses import dataclass

from flow.model.memo import Memo
from flow.model.snapshot import Snapshot
from flow.node.node_states import standings
from flow.project.active import open_views
from webui.views.project_rows import rows


@dataclass(frozen=True, slots=True)
class FleetDot:
    """One GPU, or one node without any. `use` is `used`, `idle` or `gone`; `text` says so."""

    use: str
    text: str


@dataclass(frozen=True, slots=True)
class FrameFacts:
    """`asks` projects wait for a person; `answering` of the nodes answer; of all GPUs `used` are in use."""

    asks: int
    nodes: int
    answering: int
    dots: tuple[FleetDot, ...]

    @property
    def used(self) -> int:
        return sum(dot.use == "used" for dot in self.dots)


def _facts(snapshot: Snapshot) -> FrameFacts:
    found = standings(snapshot)
    active = [record for view in open_views(snapshot) for record in view.executions if record.state.active]
    busy, gpus = {record.claim.node for record in active}, {gpu for record in active for gpu in record.gpus}
    dots: list[FleetDot] = []
    for name, standing in sorted(found.items()):
        known = snapshot.inventories.get(name)
        if not standing.answers:
            dots.append(FleetDot("gone", f"{name}: {standing.why}"))
        elif known and known.gpus:
            for gpu in known.gpus:
                use = "used" if gpu.uuid in gpus else "idle"
                dots.append(FleetDot(use, f"{name}, {gpu.model or gpu.uuid}: {use}"))
        else:
            use = "used" if name in busy else "idle"
            dots.append(FleetDot(use, f"{name}: {use}"))
    asks = sum(each.now.state == "needs_input" and not each.view.deletion for each in rows(snapshot).values())
    return FrameFacts(asks, len(found), sum(standing.answers for standing in found.values()), tuple(dots))


frame_facts: Memo[Snapshot, FrameFacts] = Memo(_facts, 2)
"""Of the newest snapshots."""
