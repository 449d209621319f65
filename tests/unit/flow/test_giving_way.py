"""Who gives way to whom: lower priority to higher, on one node, after `min_runtime`, and never in a circle."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flow.model.snapshot import Snapshot
from flow.node.decision import Stop
from flow.node.node_states import standing
from flow.node.node_world import HeldClaim, ObservedContainer, World
from flow.node.sightings import Sightings, looked
from flow.order.giving_way import interruptible, way_for
from flow.order.waiting import order
from flow.placement.capacity import claimed
from flow.placement.gpus import holders
from flow.placement.ranking import busy_counts, candidates, placed
from flow.project.active import open_views
from flow.reconcile.decide import decide
from flow.reconcile.plan import plan
from flow.status.states import project_state
from schema.errors import SchemaError
from schema.execution import AskedRecord, State, Times
from schema.node import NodeSettings
from schema.pipeline import Pipeline
from schema.reasons import End, Wait
from tests.unit.flow.builders import Story, fleet, node, pipeline, started
from tests.unit.flow.test_capacity import world

TEXT = "name: p\nstages:\n  - {{name: one, image: i, resources: {}, interruptible: {}}}\n"


def story(priority: int, *, may: bool = True, resources: str = "{cpus: 2}", least: float = 600.0) -> Story:
    told = started(TEXT.format(resources, str(may).lower()), priority=priority)
    told.least = least if may else None  # type: ignore[attr-defined]
    return told


def running(priority: int, on: str = "n1", *, may: bool = True, cpus: float = 2, least: float = 600.0) -> Story:
    told = story(priority, may=may)
    record = told.ran(State.RUNNING)
    claim = record.claim.model_copy(update={"node": on, "id": f"{priority:032x}", "container": f"{priority:032x}"})
    asked = AskedRecord(cpus=cpus, min_runtime=least if may else None)
    told.now(record.execution, claim=claim, asked=asked, times=Times(started=f"2026-01-01T00:00:{priority % 60:02d}Z"))
    return told


def here(found: Snapshot, name: str = "n1", *, ran: float = 700.0, old: float = 100.0) -> World:
    """A node that holds what the records say, each for so long; and has seen for so long what it looks at."""
    entries: dict[str, HeldClaim] = {}
    sights = {}
    first = world(found, name)
    for view in found.projects.values():
        for record in view.executions:
            if record.state.active and record.claim.node == name:
                least = record.asked.min_runtime if record.asked else None
                order_ = {"project": view.id, "execution": record.execution, "stage": record.stage, "image": "i"}
                held = {"claim": record.claim.id, "container": record.claim.container, "phase": "started"}
                entry = HeldClaim.model_validate({**held, "order": {**order_, "cpus": 2, "min_runtime": least}})
                entries[entry.container] = entry
                sights[entry.container] = ObservedContainer(entry.container, running=True, started=1000.0 - ran)
    seen = Sightings(polled=1000.0)
    now = replace(first, now=1000.0, entries=entries, containers=sights, seen=seen)
    for _ in range(2):  # what a round wants aged, the next one finds aged
        watched = decide(now).watched
        aged = looked(seen, now=1000.0, poll=1.0, snapshot=found, watched=watched)
        now = replace(now, seen=replace(aged, things=dict.fromkeys(watched, old)))
    return now


def stops(found: Snapshot, name: str = "n1", **given: float) -> list[Stop]:
    return [stop for stop in decide(here(found, name, **given)).stops if stop.reason is End.PREEMPTED]


def test_what_may_be_interrupted_gives_way_to_higher_priority() -> None:
    found = fleet({"low": running(10), "high": story(60)}, node("n1", cpus=2))
    assert stops(found) == [Stop(f"{10:032x}", End.PREEMPTED, "it gave way to high/one, of priority 60; its own is 10")]


@pytest.mark.parametrize(
    ("other", "ran", "old"),
    [
        (running(10, may=False), 700.0, 100.0),  # it never said that it may be
        (running(60), 700.0, 100.0),  # of the same priority
        (running(70), 700.0, 100.0),
        (running(10), 599.0, 100.0),  # not for long enough yet
        (running(10), 700.0, 1.0),  # another node may take the stage in a moment
        (running(10, "n2"), 700.0, 100.0),  # that is n2's to do
    ],
)
def test_nothing_else_is_interrupted(other: Story, ran: float, old: float) -> None:
    found = fleet({"low": other, "high": story(60)}, node("n1", cpus=2), node("n2", cpus=2, slots=1))
    if other.view.executions[0].claim.node == "n1":
        found = replace(found, inventories={"n1": found.inventories["n1"]})
    assert stops(found, ran=ran, old=old) == []


def test_nothing_is_interrupted_while_another_node_has_room() -> None:
    found = fleet({"low": running(10), "high": story(60)}, node("n1", cpus=2), node("n2", cpus=2))
    assert stops(found) == []


def test_no_more_ends_than_has_to_and_the_cheapest() -> None:
    others = {f"p{priority}": running(priority) for priority in (10, 20, 30)}
    found = fleet({**others, "high": story(60, resources="{cpus: 4}")}, node("n1", cpus=6, slots=6))
    assert [stop.container for stop in stops(found)] == [f"{10:032x}", f"{20:032x}"]


def test_several_end_together_or_none() -> None:
    others = {"a": running(10), "b": running(20, least=900.0)}
    found = fleet({**others, "high": story(60, resources="{cpus: 4}")}, node("n1", cpus=4, slots=6))
    assert stops(found, ran=700.0) == []
    assert len(stops(found, ran=900.0)) == 2


def test_room_that_was_made_is_kept_for_whom_it_was_made() -> None:
    """While one ends, the other's next attempt does not take the place."""
    gone = running(10)
    gone.now(1, state=State.FAILED, reason=End.PREEMPTED)
    others = {"a": gone, "b": running(20, least=9000.0)}
    found = fleet({**others, "high": story(60, resources="{cpus: 4}")}, node("n1", cpus=4, slots=6))
    assert decide(here(found)).grants == ()


def test_an_interruption_uses_up_no_attempt_and_is_wanted_again_at_once() -> None:
    told = started(TEXT.format("{}", "true").replace("image: i", "image: i, retry: {max: 0, when: [], backoff: 1h}"))
    for _ in range(5):
        told.ran(State.FAILED, End.PREEMPTED)
        assert told.wanted == ["one"]
        assert told.steps.run.backoff == 0.0
    told.ran(State.FAILED, End.EXIT_CODE)
    assert told.wanted == []


def test_it_keeps_its_place_but_the_time_that_it_ran_does_not_count_as_waiting() -> None:
    told = running(10)
    times = Times(started="2026-01-01T00:00:00Z", finished="2026-01-09T00:00:00Z")
    told.now(1, state=State.FAILED, reason=End.PREEMPTED, times=times)
    view = replace(
        told.view, replies=tuple(r.model_copy(update={"at": "2026-01-01T00:00:00Z"}) for r in told.view.replies)
    )
    found = fleet({"v": told})
    [place] = order(found, [view])
    assert (place.waiter.idle - place.waiter.since) == 8 * 24


def test_only_what_runs_can_be_interrupted_and_says_after_how_long() -> None:
    for bad in ("min_runtime: 5 min", "checkpoint: {paths: []}", "checkpoint: {paths: [a], every: 1s}"):
        with pytest.raises(SchemaError):
            pipeline(f"name: p\nstages:\n  - {{name: one, image: i, {bad}}}\n")
    with pytest.raises(SchemaError):
        pipeline("name: p\nstages:\n  - {name: one, when: manual, interruptible: true}\n")
    assert isinstance(pipeline(TEXT.format("{}", "true")), Pipeline)


jobs = st.tuples(st.integers(0, 4), st.sampled_from(["n1", "n2"]), st.booleans())


@settings(max_examples=60, deadline=None)
@given(st.lists(jobs, max_size=5), st.lists(st.tuples(st.integers(0, 5), st.integers(1, 4)), min_size=1, max_size=4))
def test_of_two_stages_never_each_can_interrupt_the_other(
    has: list[tuple[int, str, bool]], wants: list[tuple[int, int]]
) -> None:
    """Whatever gives way has a lower priority than what it gives way to, and all of it runs on one node."""
    stories = {f"r{number}": running(*job[:2], may=job[2]) for number, job in enumerate(has)}
    stories |= {f"w{number}": story(p, resources=f"{{cpus: {cpus}}}") for number, (p, cpus) in enumerate(wants)}
    found = fleet(stories, node("n1", cpus=4, slots=3), node("n2", cpus=4, slots=3))
    views = list(open_views(found))
    known, taken = interruptible(views), set[str]()
    nodes = candidates(found, ["n1", "n2"], busy_counts(found), holders(found), claims=claimed(views))
    for first in order(found, views):
        view = found.projects[first.waiter.project]
        placement = placed(found, view, first.waiter.slot, nodes)
        way = way_for(first.waiter.slot, view, placement, nodes, known, taken) if not placement.ranked else None
        if way is None:
            continue
        taken.add(way.node)
        for each in way.ended:
            assert view.project
            assert each.priority < view.project.priority
            assert found.projects[each.project].executions[0].claim.node == way.node


def test_L5_what_may_be_interrupted_is_given_back_to_the_owner_at_once() -> None:
    found = fleet({"low": running(10), "firm": running(20, may=False)}, node("n1", cpus=8, slots=4))
    now = here(found, ran=1.0)
    inventory = now.me.inventory.model_copy(update={"owner": "its owner uses a GPU"})
    mine = replace(now, me=replace(now.me, inventory=inventory))
    text = "the owner of n1 wants it: its owner uses a GPU"
    for each in (mine, replace(mine, fresh=False), replace(mine, halted="lost a tip")):  # whatever the repository says
        assert decide(each).stops == (Stop(f"{10:032x}", End.PREEMPTED, text),)


def test_L5_a_node_that_its_owner_wants_takes_nothing_and_says_so() -> None:
    told = story(50)
    found = fleet({"v": told}, node("n1", cpus=4, owner="its owner uses a GPU"))
    assert decide(here(found)).grants == ()
    now = project_state(found, found.projects["v"])
    assert (now.reason, now.text) == (
        Wait.OWNER_ACTIVE, "n1 could run it, but is in use by its owner: its owner uses a GPU",
    )  # fmt: skip
    assert [(each.nodes, each.could) for each in plan(found)] == [((), ("n1",))]


@pytest.mark.parametrize(("yielded", "takes"), [("", False), ("a", True), ("other", False)])
def test_L5_what_its_owner_asked_for_holds_for_others_until_the_node_says_that_it_is_over(
    yielded: str, takes: bool
) -> None:
    told, _ = node("n1", yielded=yielded)
    found = fleet({"v": story(50)}, (told, NodeSettings.model_validate({"yield": {"asked": "a"}})))
    assert standing(found, "n1").takes is takes


def test_a_drain_whose_time_is_over_ends_everything_there() -> None:
    found = fleet({"low": running(10), "firm": running(20, may=False)}, node("n1", cpus=8, slots=4))
    late = replace(here(found, ran=1.0), ends_all="the time of its drain, 1h, is over")
    assert {stop.text for stop in decide(late).stops} == {"n1 drains, and the time of its drain, 1h, is over"}
    assert len(decide(late).stops) == 2
