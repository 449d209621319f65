"""Of all that could give way to a stage, which does: the least is lost, and nothing ends for room that is not made."""

from dataclasses import replace
from typing import Any

import pytest

from flow.fold.steps import Slot
from flow.model.snapshot import ProjectView, Snapshot
from flow.node.decision import Stop
from flow.node.node_world import ExecutionEnd, World
from flow.order.giving_way import GivingWay, Interruptible, interruptible, way_for
from flow.placement.capacity import claimed
from flow.placement.gpus import holders
from flow.placement.ranking import busy_counts, candidates, placed
from flow.project.active import open_views
from flow.reconcile.decide import decide
from flow.reconcile.interruptions import WantedRoom, interruptions
from schema.execution import AskedRecord, Result, State, Times
from schema.node import NodeGpu
from schema.reasons import End
from tests.unit.flow.builders import Story, fleet, node, started
from tests.unit.flow.test_giving_way import TEXT, here, running, story

SAVES = TEXT.replace("interruptible: {}", 'interruptible: {}, checkpoint: {{paths: ["c"]}}')
GPU = NodeGpu(uuid="GPU-1")


def lower(priority: int, on: str, *, number: int, saves: bool = False, second: int = 0, cpus: float = 2) -> Story:
    """One that runs and may be interrupted, of that number over all projects."""
    told = started((SAVES if saves else TEXT).format("{cpus: 2}", "true"), priority=priority)
    record = told.ran(State.RUNNING)
    claim = record.claim.model_copy(update={"node": on, "id": f"{number:032x}", "container": f"{number:032x}"})
    times = Times(started=f"2026-01-01T00:00:{second:02d}Z")
    told.now(record.execution, claim=claim, asked=AskedRecord(cpus=cpus, min_runtime=600.0), times=times)
    return told


def way(found: Snapshot, *taken: str) -> GivingWay | None:
    views = list(open_views(found))
    names = sorted(found.inventories)
    nodes = candidates(found, names, busy_counts(found), holders(found), claims=claimed(views))
    view = found.projects["high"]
    slot = _slot(view)
    return way_for(slot, view, placed(found, view, slot, nodes), nodes, interruptible(views), set(taken))


def _slot(view: ProjectView) -> Slot:
    told = Story()
    told.view = view
    slot = told.steps.run
    assert isinstance(slot, Slot)
    return slot


def who(given: GivingWay | None) -> list[str]:
    return [each.who for each in given.ended] if given else []


@pytest.mark.parametrize(("cheap", "dear"), [("n1", "n2"), ("n2", "n1")])
@pytest.mark.parametrize(
    ("first", "others"),
    [
        ({"priority": 10}, [{"priority": 20, "saves": True}]),  # priority counts before all else
        ({"priority": 10, "saves": True}, [{"priority": 10}]),  # then what is lost
        ({"priority": 10, "saves": True}, 2 * [{"priority": 10, "saves": True, "cpus": 1.0}]),  # then how many
    ],
)
def test_of_two_nodes_the_one_where_less_is_lost(
    cheap: str, dear: str, first: dict[str, Any], others: list[dict[str, Any]]
) -> None:
    stories = {"a": lower(on=cheap, number=1, **first), "high": story(60)}
    stories |= {f"b{number}": lower(on=dear, number=number, **each) for number, each in enumerate(others, 2)}
    found = fleet(stories, node("n1", cpus=2, slots=8), node("n2", cpus=2, slots=8))
    assert who(way(found)) == ["a/1"]


@pytest.mark.parametrize(
    ("first", "other"),
    [
        ({"saves": True}, {"saves": False}),
        ({"second": 30}, {"second": 10}),  # what began last
        ({"saves": True, "second": 10}, {"second": 30}),
    ],
)
@pytest.mark.parametrize("names", ["ab", "ba"])
def test_of_two_on_one_node_the_one_that_loses_less(names: str, first: dict[str, Any], other: dict[str, Any]) -> None:
    stories = {
        names[0]: lower(10, "n1", number=1, **first),
        names[1]: lower(10, "n1", number=2, **other),
    }
    found = fleet({**stories, "high": story(60)}, node("n1", cpus=4, slots=8))
    assert who(way(found)) == [f"{names[0]}/1"]


def test_a_node_that_keeps_room_for_one_keeps_it_for_no_other() -> None:
    found = fleet(
        {"a": lower(10, "n1", number=1), "b": lower(10, "n2", number=2), "high": story(60)},
        node("n1", cpus=2),
        node("n2", cpus=2),
    )
    assert who(way(found, "n1")) == ["b/1"]
    assert who(way(found, "n2")) == ["a/1"]
    assert way(found, "n1", "n2") is None


def test_nothing_ends_on_a_node_that_would_take_nothing() -> None:
    """It drains: what gave way there would leave room for nobody."""
    stories = {"a": lower(10, "n1", number=1), "b": lower(20, "n2", number=2), "high": story(60)}
    found = fleet(stories, node("n1", cpus=2, drain=True), node("n2", cpus=2))
    assert who(way(found)) == ["b/1"]


def test_a_slot_of_a_node_is_room_as_well() -> None:
    found = fleet({"a": lower(10, "n1", number=1), "high": story(60)}, node("n1", cpus=64, slots=1))
    assert who(way(found)) == ["a/1"]


def test_gpus_of_what_ends_are_free_then() -> None:
    low = lower(10, "n1", number=1)
    low.now(1, gpus=(GPU.uuid,), result=None)
    firm = running(5, may=False)
    found = fleet({"a": low, "high": story(60, resources="{gpus: 1}")}, node("n1", cpus=8, slots=8, gpus=(GPU,)))
    assert who(way(found)) == ["a/1"]
    firm.now(1, gpus=(GPU.uuid,), result=None)
    low.now(1, gpus=(), result=None)
    found = fleet(
        {"a": low, "firm": firm, "high": story(60, resources="{gpus: 1}")}, node("n1", cpus=8, slots=8, gpus=(GPU,))
    )
    assert way(found) is None  # what holds the GPU stays: nothing else ends in vain


def test_what_cannot_be_read_is_not_interrupted() -> None:
    found = fleet({"a": lower(10, "n1", number=1), "high": story(60)}, node("n1", cpus=2))
    damaged = replace(found.projects["a"], damage="executions/0001-one.yaml: not YAML")
    assert interruptible([damaged]) == {}


def test_what_ends_in_this_very_round_makes_no_room_twice() -> None:
    """Its owner has taken a slot from the node: one that ended leaves too little, and the other one has to go."""
    stories = {"a": lower(10, "n1", number=1), "b": lower(10, "n1", number=2)}
    world = here(fleet({**stories, "high": story(60)}, node("n1", cpus=8, slots=1)))
    first = world.entries[f"{1:032x}"]
    end = ExecutionEnd(
        container=first.container, project="a", execution=1, stage="one", state=State.SUCCEEDED, result=Result()
    )
    ended = replace(world, outbox={first.container: end})
    watched = decide(ended).watched
    old = replace(ended, seen=replace(ended.seen, things=dict.fromkeys(watched, 100.0)))
    assert [stop.container for stop in decide(old).stops] == [f"{2:032x}"]


# -- when it is time ---------------------------------------------------------------------------------------------------


def wanted(*projects: str) -> WantedRoom:
    ended = tuple(Interruptible(project, 1, 10, saves=False, started="") for project in projects)
    return WantedRoom("high/one", "key", 60, GivingWay("n1", ended))


def two() -> World:
    stories = {"a": lower(10, "n1", number=1), "b": lower(10, "n1", number=2)}
    return here(fleet(stories, node("n1", cpus=4, slots=8)))


def stopped(world: World, *projects: str, aged: tuple[str, ...] | None = None) -> list[str]:
    """What ends where those of `aged` were seen to be in the way for long enough."""
    watched = set[object]()
    list(interruptions(world, [wanted(*(projects if aged is None else aged))], watched))
    old = replace(world, seen=replace(world.seen, things=dict.fromkeys(watched, 100.0)))
    stops: list[Stop] = list(interruptions(old, [wanted(*projects)], set()))
    return [stop.container[-1] for stop in stops]


def test_what_another_look_chose_is_waited_for_anew() -> None:
    assert stopped(two(), "a", "b") == ["1", "2"]
    assert stopped(two(), "a", "b", aged=("a",)) == []


def test_what_ends_already_is_not_told_twice_and_keeps_nobody() -> None:
    """It was told in an earlier round, and has ended since: the other one is still to end."""
    world = two()
    first = f"{1:032x}"
    told = world.entries[first].model_copy(update={"stop": End.PREEMPTED})
    gone = replace(world.containers[first], running=False, exited=True)
    ending = replace(world, entries={**world.entries, first: told}, containers={**world.containers, first: gone})
    assert stopped(ending, "a", "b") == ["2"]
    assert stopped(ending, "a") == []


def test_what_has_its_result_in_the_outbox_is_left_to_end() -> None:
    world = two()
    first = f"{1:032x}"
    assert stopped(replace(world, outbox={first: object()}), "a", "b") == []  # type: ignore[dict-item]
