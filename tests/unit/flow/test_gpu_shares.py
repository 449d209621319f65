"""L6: stages that share a GPU by its memory, and instances (MIG) as devices of their own."""

from dataclasses import replace

import pytest

from flow.model.snapshot import Snapshot
from flow.node.gpu_use import GpuUse, Sharing, beyond, use_of
from flow.node.node_world import HeldClaim, LaunchOrder, NodeIdentity, ObservedContainer, World
from flow.node.sightings import Sightings
from flow.placement.gpus import choose, free_again, held_here, merged, misfit, published, shortage
from flow.reconcile.decide import decide
from flow.reconcile.plan import plan
from flow.reconcile.result_reuse import definition
from schema.execution import AskedRecord, State
from schema.node import Health, Inventory, NodeGpu
from schema.pipeline import Resources, Stage
from schema.reasons import End
from tests.unit.flow.builders import Story

GIB = 2**30
SMALL = NodeGpu(uuid="GPU-small", model="RTX 2080", memory=8 * GIB, watched=True)
BIG = NodeGpu(uuid="GPU-big", model="RTX A6000", memory=48 * GIB, watched=True)
BLIND = NodeGpu(uuid="GPU-blind", model="RTX A6000", memory=48 * GIB)
PART = NodeGpu(uuid="MIG-1", model="A100 MIG 1g.5gb", memory=5 * GIB, watched=True, part_of="GPU-cut")
OTHER_PART = PART.model_copy(update={"uuid": "MIG-2"})


def share(gib: int, gpus: int = 1, **gpu: str) -> Resources:
    return Resources.model_validate({"gpus": gpus, "gpu": {"share": f"{gib}GiB", **gpu}})


def chosen(resources: Resources, *have: NodeGpu, taken: dict[str, dict[str, int]] | None = None) -> list[str] | None:
    found = choose(resources, have, taken or {})
    return None if found is None else [gpu.uuid for gpu in found]


@pytest.mark.parametrize(
    ("gib", "taken", "got"),
    [
        (4, {}, ["GPU-small"]),
        (4, {"GPU-small": {"v/1": 4 * GIB}}, ["GPU-small"]),
        (5, {"GPU-small": {"v/1": 4 * GIB}}, ["GPU-big"]),
        (4, {"GPU-small": {"v/1": 4 * GIB, "w/1": 4 * GIB}}, ["GPU-big"]),
        (4, {"GPU-small": {"v/1": 0}}, ["GPU-big"]),
        (2, {"GPU-big": {"v/1": 40 * GIB}}, ["GPU-big"]),  # one that is shared already, so that the other stays whole
        (4, {"GPU-small": {"v/1": 0}, "GPU-big": {"w/1": 46 * GIB}}, None),
    ],
)
def test_L6_shares_add_up_to_no_more_than_a_gpu_has(
    gib: int, taken: dict[str, dict[str, int]], got: list[str] | None
) -> None:
    assert chosen(share(gib), SMALL, BIG, taken=taken) == got


def test_L6_who_wants_a_gpu_alone_gets_none_that_others_share() -> None:
    taken = {"GPU-small": {"v/1": GIB}}
    assert chosen(Resources(gpus=1), SMALL, BIG, taken=taken) == ["GPU-big"]
    assert shortage(Resources(gpus=1), [SMALL], taken) == "GPU-small is taken by v/1 (1.0 GiB)"


def test_L6_what_is_left_of_a_gpu_is_said() -> None:
    taken = {"GPU-small": {"v/1": 4 * GIB, "w/2": 2 * GIB}}
    assert shortage(share(3), [SMALL], taken) == (
        "GPU-small is taken by v/1 (4.0 GiB), w/2 (2.0 GiB), 2.0 GiB of 8.0 GiB left, 3.0 GiB wanted"
    )
    assert shortage(share(2), [SMALL], taken) == ""


def test_L6_a_share_that_cannot_be_watched_is_refused_in_words() -> None:
    assert chosen(share(1), BLIND) is None
    assert chosen(Resources(gpus=1), BLIND) == ["GPU-blind"]
    said = misfit(share(1), [BLIND])
    assert said is not None
    assert said.startswith("shares no GPU: how much each stage uses of GPU-blind cannot be watched (its version, ")
    assert misfit(share(1), [BLIND, SMALL]) is None
    assert misfit(share(9), [SMALL]) == "has no GPU with share 9GiB"


def test_L6_an_older_node_that_says_nothing_of_watching_gets_no_share() -> None:
    old = Inventory.model_validate(
        {"node": "n", "incarnation": "i", "gpus": [{"uuid": "GPU-1", "model": "RTX", "memory": 8 * GIB}]}
    )
    assert misfit(share(1), old.gpus)


def test_L6_an_instance_is_a_device_and_two_of_them_are_not_two_cards() -> None:
    assert chosen(Resources(gpus=1), PART, SMALL) == ["MIG-1"]
    assert chosen(Resources(gpus=1), PART, SMALL, taken={"MIG-1": {"v/1": 0}}) == ["GPU-small"]
    assert chosen(share(2), PART, taken={"MIG-1": {"v/1": 2 * GIB}}) == ["MIG-1"]
    assert chosen(Resources(gpus=2), PART, OTHER_PART, SMALL, BIG) == ["GPU-small", "GPU-big"]
    assert misfit(Resources(gpus=2), [PART, OTHER_PART]) == "has no GPU but instances (MIG), of which a stage gets one"


def test_L6_how_much_of_a_gpu_it_shares_changes_nothing_of_a_result() -> None:
    def stage(**gpu: str) -> Stage:
        return Stage.model_validate({"name": "s", "image": "i", "resources": {"gpus": 1, "gpu": gpu}})

    assert definition(stage(memory=">=8GiB")) == definition(stage(memory=">=8GiB", share="2GiB"))
    assert definition(stage(memory=">=8GiB")) != definition(stage(memory=">=9GiB"))


# -- what a node does --------------------------------------------------------------------------------------------------

C, D = "c" * 32, "d" * 32
NEEDS = "name: p\nstages:\n  - {name: detect, image: i, resources: {gpus: 1, gpu: {share: 4GiB}}}\n"


def entry(**more: object) -> HeldClaim:
    order = LaunchOrder(project="v", execution=1, stage="detect", image="i", gpus=("GPU-small",), gpu_share=4 * GIB)
    return HeldClaim(claim=C, container=C, order=order).model_copy(update={"phase": "started", **more})


def sight(id: str = C, share: int | None = 4 * GIB, used: int = 0) -> ObservedContainer:
    memory = {"GPU-small": used} if used else {}
    return ObservedContainer(id, running=True, started=0.0, gpus=("GPU-small",), gpu_share=share, gpu_memory=memory)


def world(story: Story, entries: list[HeldClaim], sights: list[ObservedContainer]) -> World:
    me = NodeIdentity("n", "i", Inventory(node="n", incarnation="i", gpus=(SMALL,), slots=4))
    return World(
        me=me,
        snapshot=Snapshot("m", "s", projects={"v": story.view}, inventories={"n": me.inventory}),
        fresh=True,
        now=100.0,
        wall="",
        poll=5,
        entries={each.container: each for each in entries},
        outbox={},
        containers={each.id: each for each in sights},
        busy=frozenset(),
        seen=Sightings(),
        ids=("e" * 32, "f" * 32),
        wiped={},
    )


def running(container: str = C) -> Story:
    """As the record of one that shares says it."""
    story = Story(NEEDS)
    story.ask(request="start")
    record = story.ran(State.RUNNING)
    claim = record.claim.model_copy(update={"id": container, "container": container, "node": "n", "incarnation": "i"})
    story.now(1, claim=claim, gpus=("GPU-small",), asked=AskedRecord(gpu_share=4 * GIB), result=None)
    return story


@pytest.mark.parametrize(("used", "ends"), [(0, False), (4 * GIB, False), (4 * GIB + 1, True)])
def test_L6_a_stage_that_uses_more_than_its_share_is_ended_with_the_reason(used: int, ends: bool) -> None:
    stops = decide(world(running(), [entry()], [sight(used=used)])).stops
    assert [(stop.container, stop.reason) for stop in stops] == ([(C, End.GPU_MEMORY_EXCEEDED)] if ends else [])
    if ends:
        assert stops[0].text == "it used 4.0 GiB of GPU-small, and its share is 4.0 GiB"


def test_L6_what_has_its_gpu_alone_may_use_all_of_it() -> None:
    assert decide(world(running(), [entry()], [sight(share=None, used=8 * GIB)])).stops == ()


def test_L6_who_stands_in_a_record_and_in_the_journal_is_counted_once() -> None:
    here = world(running(), [entry()], [sight()])
    assert held_here(here) == {"GPU-small": {"v/1": 4 * GIB}}
    assert merged(held_here(here), {"GPU-small": {"v/1": 4 * GIB, "w/1": GIB}}) == {
        "GPU-small": {"v/1": 4 * GIB, "w/1": GIB}
    }


@pytest.mark.parametrize(
    ("others", "again"),
    [([], True), ([4], True), ([5], False), ([4, 4], False), ([None], False)],
)
def test_L6_a_claim_is_made_anew_beside_others_that_share_its_gpu(others: list[int | None], again: bool) -> None:
    sights = [sight(f"{number}" * 32, each and each * GIB) for number, each in enumerate(others)]
    here = world(running(), [], sights)
    assert here.snapshot
    [record] = here.snapshot.projects["v"].executions
    assert free_again(here, record) is again


def test_L6_the_claim_of_a_share_is_recorded_and_ordered() -> None:
    story = Story(NEEDS)
    story.ask(request="start")
    found = decide(replace(world(story, [], []), seen=Sightings(things={})))
    [grant] = found.grants
    assert (grant.order.gpus, grant.order.gpu_share) == (("GPU-small",), 4 * GIB)
    assert grant.order.env["WINSLOW_GPU_SHARE"] == str(4 * GIB)


def test_L6_a_plan_puts_two_on_one_gpu_and_lets_the_third_wait() -> None:
    views = {}
    for name in ("v", "w", "x"):
        story = Story(NEEDS)
        story.ask(request="start")
        views[name] = replace(story.view, id=name)
    here = Inventory(node="n", incarnation="i", slots=3, cpus=8, gpus=(SMALL,))
    found = plan(Snapshot("m", "s", projects=views, inventories={"n": here}))
    assert [each.gpus for each in found] == [("GPU-small",), ("GPU-small",), ()]
    assert "GPU-small is taken by v/1 (4.0 GiB), w/1 (4.0 GiB), 0 B of 8.0 GiB left" in found[2].waits


# -- whose a program is ------------------------------------------------------------------------------------------------


def test_L6_what_each_stage_uses_is_added_up_and_programs_of_others_are_told() -> None:
    sharing = {C: Sharing(("G", "H"), 4), D: Sharing(("G",), 4)}
    whose = {1: C, 2: C, 3: D, 5: C}
    programs = {"G": {1: 2, 2: 3, 3: 4, 4: 9}, "H": {5: None}}
    found = use_of(programs, sharing, lambda container, process: whose.get(process) == container)
    assert found == GpuUse({C: {"G": 5, "H": 0}, D: {"G": 4}}, frozenset({"G"}))
    assert beyond(found, sharing)
    assert not beyond(GpuUse({D: {"G": 4}}), sharing)


def test_L6_a_shared_gpu_that_others_use_too_is_busy() -> None:
    busy = SMALL.model_copy(update={"health": Health.BUSY})
    assert [gpu.health for gpu in published([busy], ["GPU-small"])] == [Health.OK]
    assert [gpu.health for gpu in published([busy], ["GPU-small"], ["GPU-small"])] == [Health.BUSY]
