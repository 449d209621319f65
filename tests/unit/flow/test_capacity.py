"""T4: what runs on a node never asks for more than the node has less what its owner keeps, or than the owner allows."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flow.model.snapshot import Snapshot
from flow.node.node_world import NodeIdentity, World
from flow.node.sightings import Sightings
from flow.placement import capacity
from flow.placement.capacity import Amounts, reckoned, shortage, whole
from flow.placement.grants import Asker
from flow.placement.ranking import busy_counts, candidates, place
from flow.reconcile.decide import decide
from flow.reconcile.plan import plan
from flow.status.states import project_state
from schema.execution import AskedRecord, State
from schema.node import Inventory, NodeSettings
from schema.pipeline import Resources, Stage
from schema.reasons import Wait
from tests.unit.flow.builders import Story, fleet, node, started

GIB = 2**30
BIG = "name: p\nstages:\n  - {name: one, image: i, resources: {memory: 60GiB}}\n"


def told(**settings: object) -> NodeSettings:
    return NodeSettings.model_validate(settings)


def machine(**facts: object) -> Inventory:
    return Inventory.model_validate(
        {"node": "n1", "incarnation": "i", "cpus": 8, "memory": 64 * GIB, "slots": 8, **facts}
    )


def wanting(**resources: object) -> Stage:
    return Stage.model_validate({"name": "s", "image": "i", "resources": resources})


def test_T4_memory_is_summed() -> None:
    running = {("a", 1): AskedRecord(memory=60 * GIB)}
    assert shortage(wanting(memory=4 * GIB), machine(), told(), running) == ""
    assert (
        shortage(wanting(memory=60 * GIB), machine(), told(), running)
        == "60.0 GiB memory wanted, 4.0 GiB of 64.0 GiB free"
    )


@pytest.mark.parametrize(
    ("wish", "resources", "short"),
    [
        ({}, {"cpus": 8}, ""),
        ({}, {"cpus": 9}, "9 cores wanted, 8 of 8 free"),
        ({"reserve": {"cpus": 1.5}}, {"cpus": 7}, "7 cores wanted, 6.5 of 6.5 free"),
        ({"overcommit": {"cpus": 2}}, {"cpus": 16}, ""),
        ({"reserve": {"memory": "8GiB"}}, {"memory": 60 * GIB}, "60.0 GiB memory wanted, 56.0 GiB of 56.0 GiB free"),
        ({"overcommit": {"memory": 1.5}}, {"memory": 96 * GIB}, ""),
        ({"reserve": {"disk": "10GiB"}}, {"disk": 95 * GIB}, "95.0 GiB disk wanted, 90.0 GiB of 90.0 GiB free"),
        ({}, {"shm_size": 65 * GIB}, "65.0 GiB shared memory wanted, 64.0 GiB of 64.0 GiB free"),
    ],
)
def test_T4_reserve_and_over_commit(wish: dict[str, object], resources: dict[str, object], short: str) -> None:
    assert shortage(wanting(**resources), machine(disk=100 * GIB), told(**wish), {}) == short


@pytest.mark.parametrize(("cpus", "slots"), [(2, 4), (2, 1), (64, 4), (1, 16)])
def test_silent_stages_fill_every_slot_of_a_small_machine(cpus: int, slots: int) -> None:
    small = machine(cpus=cpus, slots=slots, memory=2 * GIB)
    others = {("a", number): AskedRecord() for number in range(slots - 1)}
    assert shortage(wanting(), small, told(), others) == ""


def test_I6_T4_services_count_with_their_stage() -> None:
    """A core and a GiB where they name nothing; what they take is reckoned for others too."""
    beside = [{"name": "db", "image": "i", "resources": {"memory": "4GiB"}}, {"name": "mq", "image": "i"}]
    stage = Stage.model_validate({"name": "s", "image": "i", "resources": {"cpus": 6}, "services": beside})
    asked = capacity.asked(stage)
    assert asked.services
    assert (asked.services.cpus, asked.services.memory) == (2.0, 5 * GIB)
    assert (asked.counted, stage.counted) == ((8.0, 5 * GIB), (8.0, 5 * GIB))
    assert shortage(stage, machine(), told(), {}) == ""
    assert shortage(wanting(cpus=1), machine(), told(), {("a", 1): asked}) == "1 cores wanted, 0 of 8 free"
    assert capacity.misfit(stage, machine(cpus=7), told()) == "has 7 cores for it and its services"


def test_auto_takes_what_fits() -> None:
    auto = machine(cpus=4, slots=4, auto=True)
    few = {("a", number): AskedRecord(cpus=0.1) for number in range(20)}
    assert capacity.slots(auto, told()) is None
    assert shortage(wanting(cpus=2), auto, told(), few) == ""
    assert shortage(wanting(cpus=2.5), auto, told(), few) == "2.5 cores wanted, 2 of 4 free"


@pytest.mark.parametrize(
    ("wish", "resources", "why"),
    [
        ({}, {"cpus": 9}, "has 8 cores"),
        ({"reserve": {"cpus": 2}}, {"cpus": 7}, "has 6 cores that are not reserved"),
        ({"reserve": {"memory": "8GiB"}}, {"memory": "60GiB"}, "has too little memory that is not reserved"),
        ({}, {"disk": "200GiB"}, "has too small a disk"),
        ({}, {"cpus": 8}, None),
    ],
)
def test_what_never_fits_is_said_to(wish: dict[str, object], resources: dict[str, object], why: str | None) -> None:
    assert capacity.misfit(wanting(**resources), machine(disk=100 * GIB), told(**wish)) == why


def test_waiting_says_which_resource_is_short_and_where() -> None:
    running, waiting = started(BIG), started(BIG)
    running.ran(State.RUNNING)
    found = fleet({"a": running, "b": waiting}, node("n1", memory=64 * GIB, slots=8))
    now = project_state(found, found.projects["b"])
    assert (now.reason, now.could) == (Wait.RESOURCES, ("n1",))
    assert now.text == "n1: 60.0 GiB memory wanted, 4.0 GiB of 64.0 GiB free"
    assert [each.nodes for each in plan(found)] == [()]


asks = st.builds(
    AskedRecord,
    cpus=st.none() | st.floats(0.1, 9),
    memory=st.none() | st.integers(0, 80 * GIB),
    shm=st.none() | st.integers(0, 80 * GIB),
    disk=st.none() | st.integers(0, 200 * GIB),
)
wishes = st.builds(
    lambda cpus, memory, more: told(reserve={"cpus": cpus, "memory": memory}, overcommit={"cpus": more}),
    st.floats(0, 8), st.integers(0, 64 * GIB), st.floats(1, 4),
)  # fmt: skip


@settings(deadline=None)
@given(st.lists(asks, max_size=12), wishes, st.booleans())
def test_T4_the_sum_never_exceeds_what_a_node_has(wanted: list[AskedRecord], wish: NodeSettings, auto: bool) -> None:
    inventory = machine(disk=100 * GIB, auto=auto)
    room, modest = whole(inventory, wish), capacity.share(inventory, wish)
    taken: dict[tuple[str, int], AskedRecord] = {}
    for number, ask in enumerate(wanted):
        resources = Resources(cpus=ask.cpus, memory=ask.memory, shm_size=ask.shm, disk=ask.disk)
        if not shortage(Stage(name="s", image="i", resources=resources), inventory, wish, taken):
            taken["p", number] = ask
    used = sum((reckoned(each, modest) for each in taken.values()), Amounts())
    for name in ("cpus", "memory", "shm", "disk"):
        assert getattr(used, name) <= getattr(room, name) * (1 + 1e-6)


def world(found: Snapshot, name: str) -> World:
    inventory = found.inventories[name]
    return World(
        me=NodeIdentity(name, "i", inventory),
        snapshot=found, fresh=True, now=0.0, wall="", poll=1.0, entries={}, outbox={},
        containers={}, busy=frozenset(), seen=Sightings(), ids=tuple(f"{n:032x}" for n in range(32)), wiped={},
    )  # fmt: skip


stages = st.sampled_from(
    ["{}", "{memory: 3GiB}", "{cpus: 2}", "{cpus: 1, memory: 1GiB}", "{cpus: 9}", "{memory: 5GiB}"]
)
machines = st.fixed_dictionaries({"cpus": st.integers(1, 4), "memory": st.just(6 * GIB), "slots": st.integers(1, 4)})


@settings(max_examples=40, deadline=None)
@given(st.lists(stages, min_size=1, max_size=6), st.lists(machines, min_size=1, max_size=3))
def test_T3_plan_names_the_nodes_that_then_take_the_stages(wanted: list[str], have: list[dict[str, object]]) -> None:
    """Each node takes at once what it ranks first for: the most urgent as planned, the others among those that may."""
    text = "name: p\nstages:\n  - {{name: one, image: i, resources: {}}}\n"
    stories: dict[str, Story] = {f"v{number}": started(text.format(each)) for number, each in enumerate(wanted)}
    found = fleet(stories, *(node(f"n{number}", **each) for number, each in enumerate(have)))
    planned = {each.project: each for each in plan(found)}
    taken: dict[str, tuple[str, ...]] = dict.fromkeys(stories, ())
    for name in found.inventories:
        for entry in decide(world(found, name)).grants:
            taken[entry.order.project] = (name,)
    assert taken["v0"] == planned["v0"].nodes[:1]
    for id, nodes in taken.items():
        assert set(nodes) <= {*planned[id].nodes, *planned[id].could}


def test_T4_a_node_counts_what_its_own_entries_still_use() -> None:
    alone = started(BIG)
    found = fleet({"a": alone}, node("n1", memory=64 * GIB, slots=8))
    [entry] = decide(world(found, "n1")).grants
    other = entry.model_copy(
        update={"container": "f" * 32, "order": entry.order.model_copy(update={"project": "gone"})}
    )
    busy = replace(world(found, "n1"), entries={"f" * 32: other})
    assert decide(busy).grants == ()


def test_T4_placement_skips_a_node_that_is_full_of_memory() -> None:
    running = started(BIG)
    running.ran(State.RUNNING)
    found = fleet({"a": running, "b": started(BIG)}, node("n1", memory=64 * GIB), node("n2", memory=64 * GIB, cpus=1))
    slot = started(BIG).steps.run
    claims = capacity.claimed(found.projects.values())
    nodes = candidates(found, ["n1", "n2"], busy_counts(found), {}, claims=claims)
    assert place(slot, nodes, who=Asker(), data=None).ranked == ("n2",)
