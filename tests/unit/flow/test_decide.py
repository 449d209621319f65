"""What a node does in one round: limits of what runs, what it takes and in which order, and what waits."""

from dataclasses import replace

import pytest

from flow.model.snapshot import Departure, Snapshot
from flow.node.decision import Decision
from flow.node.node_world import ExecutionEnd, HeldClaim, LaunchOrder, NodeIdentity, ObservedContainer, World
from flow.node.sightings import Sightings
from flow.reconcile.decide import decide
from schema.execution import Execution, Result, State, Tombstone
from schema.node import SCHEMA, NodeGpu
from schema.reasons import End
from tests.unit.flow.builders import Story, fleet, node, started

ONE = "name: p\nstages:\n  - {name: only, image: i}\n"
ON_A_GPU = "name: p\nstages:\n  - {name: only, image: i, resources: {gpus: 1}}\n"
GPU = NodeGpu(uuid="GPU-1", model="RTX", memory=24 << 30)
CONTAINER = "1" * 32


def world(found: Snapshot, **facts: object) -> World:
    known: dict[str, object] = {"entries": {}, "outbox": {}, "containers": {}, "busy": frozenset(), **facts}
    return World(
        me=NodeIdentity("n1", "i", found.inventories["n1"]),
        snapshot=found,
        fresh=True,
        now=1000.0,
        wall="now",
        poll=5.0,
        seen=Sightings(0.0, {}, {}),
        ids=tuple(f"{number:032x}" for number in range(100, 110)),
        wiped={},
        **known,  # type: ignore[arg-type]
    )


def verbs(decision: Decision) -> list[str]:
    return [commit.event.verb for commit in decision.commits if commit.event.verb not in ("join", "board")]


def running(order: LaunchOrder, sight: ObservedContainer) -> list[End | None]:
    """Why such a container is stopped, where nobody knows of its record now."""
    entry = HeldClaim(claim=CONTAINER, container=CONTAINER, order=order, phase="started")
    lone = world(fleet(Story(), node("n1")), entries={CONTAINER: entry}, containers={CONTAINER: sight})
    return [stop.reason for stop in decide(replace(lone, fresh=False)).stops]


@pytest.mark.parametrize(
    ("started_at", "last_output", "reasons"),
    [
        (0.0, 960.0, []),  # it has run for long, and said something 40 seconds ago
        (0.0, 939.0, [End.NO_OUTPUT]),
        (950.0, None, []),  # it has said nothing yet, and runs for 50 seconds
        (939.0, None, [End.NO_OUTPUT]),
        (None, None, []),
    ],
)
def test_M7_a_stage_may_be_silent_for_its_idle_timeout_since_its_last_output(
    started_at: float | None, last_output: float | None, reasons: list[End]
) -> None:
    order = LaunchOrder(project="v", execution=1, stage="only", image="i", idle_timeout=60.0)
    sight = ObservedContainer(CONTAINER, running=True, started=started_at, last_output=last_output)
    assert running(order, sight) == reasons


@pytest.mark.parametrize(("began", "reasons"), [(901.0, []), (899.0, [End.TIMEOUT])])
def test_M7_a_stage_may_run_for_its_timeout_however_much_it_says(began: float, reasons: list[End]) -> None:
    order = LaunchOrder(project="v", execution=1, stage="only", image="i", timeout=100.0)
    assert running(order, ObservedContainer(CONTAINER, running=True, started=began, last_output=1000.0)) == reasons


# -- what is taken ----------------------------------------------------------------------------------------------------


def test_T3_of_more_work_than_fits_the_most_urgent_is_taken_and_then_by_name() -> None:
    stories = {"a": started(ONE, priority=10), "b": started(ONE, priority=90), "c": started(ONE, priority=90)}
    one = decide(world(fleet(stories, node("n1", slots=1))))
    assert [entry.order.project for entry in one.grants] == ["b"]
    two = decide(world(fleet(stories, node("n1", slots=2))))
    assert [entry.order.project for entry in two.grants] == ["b", "c"]


def held(text: str, **facts: object) -> tuple[Story, Execution, HeldClaim]:
    """A stage that this node took, and what it wrote down about it."""
    story = started(text)
    gpus = tuple(gpu.uuid for gpu in (GPU,) if text == ON_A_GPU)
    [entry] = decide(world(fleet(story, node("n1", gpus=[GPU])))).grants
    record = story.ran(State.RUNNING)
    claim = record.claim.model_copy(update={"id": entry.claim, "container": entry.container})
    record = record.model_copy(update={"claim": claim, "gpus": gpus, "result": None})
    story.view = replace(story.view, executions=(record,))
    return story, record, entry.model_copy(update={"phase": "started", **facts})


def test_T3_a_slot_that_its_own_result_frees_is_taken_in_the_same_round() -> None:
    story, record, entry = held(ONE)
    stories = {"v": story, "w": started(ONE)}
    busy = decide(world(fleet(stories, node("n1", slots=1)), entries={entry.container: entry}, **runs(entry)))
    assert busy.grants == ()
    done = decide(world(fleet(stories, node("n1", slots=1)), entries={entry.container: entry}, outbox=an_end_of(entry)))
    assert verbs(done) == ["succeed", "claim"]
    assert record.execution == 1


def an_end_of(entry: HeldClaim) -> dict[str, object]:
    end = ExecutionEnd(
        container=entry.container, project="v", execution=1, stage="only", state=State.SUCCEEDED,
        result=Result(exit_code=0),
    )  # fmt: skip
    return {entry.container: end}


def runs(entry: HeldClaim, gpus: tuple[str, ...] = ()) -> dict[str, object]:
    return {"containers": {entry.container: ObservedContainer(entry.container, running=True, started=0.0, gpus=gpus)}}


def test_M5_a_claim_without_an_entry_is_not_made_anew_while_its_gpu_is_in_use() -> None:
    story, record, _ = held(ON_A_GPU)
    found = fleet(story, node("n1", gpus=[GPU]))
    other = ObservedContainer("9" * 32, running=True, started=0.0, gpus=record.gpus)
    assert "reclaim" not in verbs(decide(world(found, containers={other.id: other})))
    assert "reclaim" in verbs(decide(world(found)))


def test_F9_a_claim_of_another_installation_of_this_node_is_lost_not_gone_on_with() -> None:
    story, record, entry = held(ONE)
    renewed = record.claim.model_copy(update={"id": "2" * 32, "epoch": 2, "incarnation": "before"})
    story.view = replace(story.view, executions=(record.model_copy(update={"claim": renewed}),))
    found = decide(world(fleet(story, node("n1")), entries={entry.container: entry}, **runs(entry)))
    assert [(stop.container, stop.reason) for stop in found.stops] == [(entry.container, End.SUPERSEDED)]
    assert found.adopted == ()
    assert verbs(found)[0] == "lose"


@pytest.mark.parametrize("stop", [End.ABORTED, End.TIMEOUT])
def test_M7_what_was_told_to_stop_before_its_start_is_not_started(stop: End) -> None:
    story, _, entry = held(ONE, phase="granted", stop=stop)
    entry = entry.model_copy(update={"phase": "granted"})
    found = decide(world(fleet(story, node("n1")), entries={entry.container: entry}))
    assert found.launches == ()
    assert [(end.state, end.reason) for end in found.ends] == [(State.ABORTED, stop)]
    away = decide(replace(world(fleet(story, node("n1")), entries={entry.container: entry}), fresh=False))
    assert away.launches == ()


# -- what a steward does ----------------------------------------------------------------------------------------------


def deleted(*, active: bool) -> Snapshot:
    """A project whose grace time is over."""
    story = started(ONE)
    story.ran(State.RUNNING if active else State.SUCCEEDED)
    departure = Departure("d" * 40, "Ada <ada@example.org>")
    stone = Tombstone(commit=departure.commit, by=departure.by, last_seq=1, last_execution=1, delete_after=0.0)
    story.view = replace(story.view, project=None, deletion=departure, tombstone=stone)
    if active:
        [record] = story.view.executions
        claim = record.claim.model_copy(update={"node": "n2"})
        story.view = replace(story.view, executions=(record.model_copy(update={"claim": claim}),))
    return fleet(story, node("n1"))


@pytest.mark.parametrize("active", [True, False])
def test_R1250_nothing_of_a_deleted_project_goes_while_one_of_its_stages_is_active(active: bool) -> None:
    decision = decide(world(deleted(active=active)))
    assert ("purge" in verbs(decision)) is not active
    assert bool(decision.wipes) is not active


def test_R1250_nothing_is_deleted_under_the_hands_of_a_launch() -> None:
    """What it makes afterwards would stay for ever."""
    found = deleted(active=False)
    order = LaunchOrder(project="v", execution=1, stage="only", image="i")
    entry = HeldClaim(claim=CONTAINER, container=CONTAINER, order=order)
    at_work = world(found, entries={CONTAINER: entry}, busy=frozenset({CONTAINER}))
    assert decide(at_work).wipes == ()
    assert len(decide(replace(at_work, busy=frozenset())).wipes) == 1


def test_M14_a_node_that_is_older_than_the_repository_answers_nothing_and_gives_nobody_up() -> None:
    story = started(ONE).pending({"request": "pause"})
    for schema, said in ((SCHEMA, ["pause"]), (SCHEMA + 1, [])):
        decision = decide(world(fleet(story, node("n1"), schema=schema)))
        assert [verb for verb in verbs(decision) if verb != "claim"] == (["accept"] if said else [])
        assert (decision.grants == ()) or not said
