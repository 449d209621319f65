"""T2 with real rounds: what nodes write down of each other in time, and take back at once."""

from flow.node.node_states import NodeState, standing
from schema import layout
from tests.simulation.cluster import LOST_AFTER, POLL, Cluster
from tests.simulation.test_scenarios import LONG, go, world


def state_of(cluster: Cluster, node: str) -> NodeState:
    return standing(cluster.snapshot(), node).state


def verbs(cluster: Cluster) -> list[str]:
    return [commit.event.verb for commit in cluster.server.history(layout.STATE) if commit.event.verb != "board"]


def test_T2_an_idle_node_that_is_cut_off_is_written_down_once_and_is_back_with_its_next_heartbeat() -> None:
    cluster = world(LONG, nodes=4)
    go(cluster, 60)
    machine = cluster.machines[1]
    machine.link.cut = True
    go(cluster, LOST_AFTER - 60)
    assert state_of(cluster, machine.name) is NodeState.READY  # it may only be slow
    go(cluster, 60 + 2 * POLL + 60)  # its last heartbeat was up to one interval old
    assert state_of(cluster, machine.name) is NodeState.SILENT
    assert "| silent since 2000-01-01 00:" in cluster.snapshot().board
    go(cluster, 300)
    assert verbs(cluster).count("silent") == 1
    machine.link.cut = False
    go(cluster, 60)
    assert state_of(cluster, machine.name) is NodeState.READY
    assert verbs(cluster)[-1] == "join"
    assert cluster.snapshot().inventories[machine.name].away is None


def test_T2_a_node_that_alone_has_halted_is_written_down_by_another() -> None:
    cluster = world(LONG, nodes=3)
    go(cluster, 30)
    machine = cluster.machines[2]
    assert machine.controller
    machine.controller._rewound = lambda snapshot: "main went back"  # type: ignore[method-assign]
    go(cluster, 180)
    found = standing(cluster.snapshot(), machine.name)
    assert (found.state, found.text) == (NodeState.HALTED, "main went back")
    del machine.controller._rewound
    go(cluster, 180)
    assert state_of(cluster, machine.name) is NodeState.READY
    assert verbs(cluster).count("halt") == 1
