"""M5: which GPUs fit, which are free, which a stage gets, and why none."""

from collections.abc import Hashable
from dataclasses import replace

import pytest

from flow.fold.interpolation import Scope
from flow.fold.steps import Slot
from flow.model.snapshot import Snapshot
from flow.node.node_world import ExecutionEnd, HeldClaim, LaunchOrder, NodeIdentity, ObservedContainer, World
from flow.node.sightings import Sightings
from flow.placement import gpus
from flow.placement.gpus import choose, held_here, misfit, published, remembered, shortage
from flow.placement.grants import Asker
from flow.placement.ranking import Candidate, Placement, place
from flow.reconcile.commit_draft import CommitDraft
from flow.reconcile.decide import decide
from flow.reconcile.plan import plan
from flow.reconcile.stewardship import Stewardship
from schema.execution import State
from schema.node import Health, Inventory, NodeGpu, NodeSettings
from schema.pipeline import Resources, Stage
from schema.reasons import End, Wait
from tests.unit.flow.builders import Story

GIB = 2**30
SMALL = NodeGpu(
    uuid="GPU-small", model="NVIDIA GeForce RTX 2080", memory=8 * GIB, driver="550.54", compute_capability="7.5"
)
OLD = NodeGpu(
    uuid="GPU-old", model="NVIDIA GeForce RTX 2080 Ti", memory=11019 << 20, driver="550.54", compute_capability="7.5"
)
BIG = NodeGpu(uuid="GPU-big", model="NVIDIA RTX A6000", memory=48 * GIB, driver="550.54", compute_capability="8.6")
ALL = (BIG, SMALL, OLD)


def wants(gpus: int = 1, **gpu: str) -> Resources:
    return Resources.model_validate({"gpus": gpus, "gpu": gpu or None})


def uuids(chosen: tuple[NodeGpu, ...] | None) -> list[str] | None:
    return None if chosen is None else [gpu.uuid for gpu in chosen]


@pytest.mark.parametrize(
    ("resources", "expected"),
    [
        (wants(), ["GPU-small"]),
        (wants(2), ["GPU-small", "GPU-old"]),
        (wants(0), []),
        (wants(4), None),
        (wants(memory=">=9GiB"), ["GPU-old"]),
        (wants(memory=">=11GiB"), ["GPU-old"]),  # a driver keeps some of what is sold
        (wants(memory=">=12GiB"), ["GPU-big"]),
        (wants(memory=">=8GiB,<16GiB", model="*2080*ti*"), ["GPU-old"]),
        (wants(model="*a6000"), ["GPU-big"]),
        (wants(model="RTX"), None),
        (wants(compute_capability=">=8"), ["GPU-big"]),
        (wants(driver=">=560"), None),
        (wants(2, compute_capability=">=8"), None),
    ],
)
def test_M5_the_smallest_that_suffice_are_chosen(resources: Resources, expected: list[str] | None) -> None:
    assert uuids(choose(resources, ALL, {})) == expected


def test_M5_several_are_of_one_model_where_that_is_possible() -> None:
    twin = BIG.model_copy(update={"uuid": "GPU-twin"})
    assert uuids(choose(wants(2), (*ALL, twin), {})) == ["GPU-big", "GPU-twin"]
    assert uuids(choose(wants(3), (*ALL, twin), {})) == ["GPU-small", "GPU-old", "GPU-big"]
    assert uuids(choose(wants(2), (*ALL, twin), {"GPU-twin": {"v/1": 0}})) == ["GPU-small", "GPU-old"]


def with_health(health: Health) -> tuple[NodeGpu, ...]:
    return tuple(gpu.model_copy(update={"health": health}) if gpu is SMALL else gpu for gpu in ALL)


def test_M5_what_is_taken_or_not_well_is_not_chosen() -> None:
    assert uuids(choose(wants(), ALL, {"GPU-small": {"ulm/3": 0}})) == ["GPU-old"]
    for health in (Health.BUSY, Health.LOST, Health.UNKNOWN):
        assert uuids(choose(wants(), with_health(health), {})) == ["GPU-old"]


@pytest.mark.parametrize(
    ("resources", "have", "says"),
    [
        (wants(), (), "has no GPU"),
        (wants(memory=">=8GiB"), (), "has no GPU"),
        (wants(memory=">=64GiB"), ALL, "has no GPU with memory >=64GiB"),
        (wants(2, compute_capability=">=8"), ALL, "has only 1 GPU with compute capability >=8"),
        (wants(4), ALL, "has only 3 GPUs"),
        (wants(3), with_health(Health.LOST), "GPU-small is lost"),
        (wants(3), with_health(Health.BUSY), None),
        (wants(3), with_health(Health.UNKNOWN), None),
        (wants(0), (), None),
    ],
)
def test_M5_a_node_that_never_could_says_why(resources: Resources, have: tuple[NodeGpu, ...], says: str | None) -> None:
    assert misfit(resources, have) == says


def test_M5_who_has_the_gpus_is_said() -> None:
    taken = {"GPU-big": {"ulm/3": 0}}
    assert shortage(wants(3), with_health(Health.BUSY), taken) == (
        "GPU-big is taken by ulm/3, GPU-small is used by other programs"
    )
    assert "its driver does not answer" in shortage(wants(model="*2080"), with_health(Health.UNKNOWN), {})
    assert gpus.short("GPU-6d1c3f2e-aaaa-bbbb-cccc-000000000000") == "GPU-6d1c3f2e…"


# -- placement ---------------------------------------------------------------------------------------------------------


def node(name: str, *have: NodeGpu, taken: gpus.Holders | None = None) -> Candidate:
    return Candidate(Inventory(node=name, incarnation="i", slots=2, gpus=have), NodeSettings(), 0, taken or {})


def placed(*nodes: Candidate, resources: Resources | None = None) -> Placement:
    stage = Stage(name="detect", image="i", resources=resources or wants())
    slot = Slot(stage, 1, "r", 1, Scope({}, {}, {}), None, {})
    return place(slot, nodes, who=Asker(), data=None)


def test_M5_the_node_with_the_smallest_sufficient_gpu_goes_first() -> None:
    assert placed(node("a", BIG), node("b", OLD), node("c", SMALL)).ranked == ("c", "b", "a")
    assert placed(node("a", BIG), node("b", OLD), node("c"), resources=wants(0)).ranked[0] == "c"


def test_M5_a_stage_waits_for_a_taken_gpu_and_says_whose() -> None:
    found = placed(node("a", SMALL, taken={"GPU-small": {"ulm/3": 0}}), node("b"))
    assert (found.reason, found.could) == (Wait.RESOURCES, ("a",))
    assert found.text == "a: GPU-small is taken by ulm/3"


def test_M5_a_stage_that_fits_no_gpu_says_what_is_lacking() -> None:
    found = placed(node("a", SMALL), node("b"), resources=wants(memory=">=9GiB"))
    assert found.reason is Wait.NO_MATCHING_NODE
    assert "a: has no GPU with memory >=9GiB; b: has no GPU" in found.text


# -- what a node says of itself ----------------------------------------------------------------------------------------


def inventory(*health: Health) -> Inventory:
    have = tuple(gpu.model_copy(update={"health": each}) for gpu, each in zip((SMALL, BIG), health, strict=True))
    return Inventory(node="n", incarnation="i", runner="docker", gpus=have)


@pytest.mark.parametrize(
    ("before", "now", "age", "fact"),
    [
        ((Health.OK, Health.OK), (Health.OK, Health.OK), 1000, None),
        ((Health.OK, Health.OK), (Health.LOST, Health.OK), 0, "n (docker): GPU-small is lost"),
        ((Health.UNKNOWN, Health.OK), (Health.OK, Health.OK), 0, "n (docker): GPU-small is ok"),
        ((Health.OK, Health.OK), (Health.OK, Health.BUSY), 100, None),
        ((Health.OK, Health.OK), (Health.OK, Health.BUSY), 120, "n (docker): GPU-big is busy"),
        ((Health.BUSY, Health.OK), (Health.OK, Health.OK), 119, None),
        ((Health.BUSY, Health.OK), (Health.OK, Health.LOST), 0, "n (docker): GPU-small is ok, GPU-big is lost"),
    ],
)
def test_M5_a_changed_gpu_is_told_and_a_used_one_once_it_lasts(
    before: tuple[Health, ...], now: tuple[Health, ...], age: float, fact: str | None
) -> None:
    me = NodeIdentity("n", "i", inventory(*now))
    snapshot = Snapshot("m", "s", inventories={"n": inventory(*before)})
    seen = Sightings(things={("gpus in use", *now): age})
    draft, watched = CommitDraft(snapshot), set[Hashable]()
    Stewardship(me, snapshot, seen, 5, draft, watched).register()
    assert [commit.event.fact for commit in draft.commits] == ([fact] if fact else [])


def test_M5_gpus_are_not_gone_while_the_driver_does_not_answer() -> None:
    before = inventory(Health.OK, Health.LOST)
    unknown = remembered((), before)
    assert [(gpu.uuid, gpu.health) for gpu in unknown] == [("GPU-small", "unknown"), ("GPU-big", "unknown")]
    assert remembered(unknown, before) == unknown
    assert remembered((), None) == ()


# -- what would happen -------------------------------------------------------------------------------------------------

NEEDS = "name: p\nstages:\n  - {name: detect, image: i, resources: {gpus: 1}}\n"


def test_M5_a_plan_gives_a_gpu_to_one_stage_only() -> None:
    views = {}
    for name in ("v", "w", "x"):
        story = Story(NEEDS)
        story.ask(request="start")
        views[name] = replace(story.view, id=name)
    here = Inventory(node="n", incarnation="i", slots=3, gpus=(BIG, SMALL))
    found = plan(Snapshot("m", "s", projects=views, inventories={"n": here}))
    assert [(each.project, each.gpus) for each in found] == [("v", ("GPU-small",)), ("w", ("GPU-big",)), ("x", ())]
    assert found[2].waits == "Resources: n: GPU-big is taken by w/1, GPU-small is taken by v/1"


# -- what a node holds -------------------------------------------------------------------------------------------------


def world(entries: list[HeldClaim], sights: list[ObservedContainer], ended: list[ExecutionEnd] | None = None) -> World:
    return World(
        me=NodeIdentity("n", "i", Inventory(node="n", incarnation="i")),
        snapshot=None,
        fresh=True,
        now=0,
        wall="",
        poll=5,
        entries={entry.container: entry for entry in entries},
        outbox={end.container: end for end in ended or []},
        containers={sight.id: sight for sight in sights},
        busy=frozenset(),
        seen=Sightings(),
        ids=(),
        wiped={},
    )


C = "c" * 32
ENTRY = HeldClaim(
    claim=C, container=C, order=LaunchOrder(project="v", execution=3, stage="s", image="i", gpus=("GPU-small",))
)
END = ExecutionEnd(container=C, project="v", execution=3, stage="s", state=State.FAILED)


def sight(*, running: bool = False, exited: bool = False) -> ObservedContainer:
    return ObservedContainer(C, running=running, exited=exited, gpus=("GPU-small",))


@pytest.mark.parametrize(
    ("entries", "sights", "ended", "held"),
    [
        ([ENTRY], [], [], "v/3"),  # granted, not launched yet
        ([ENTRY], [sight()], [], "v/3"),
        ([ENTRY], [sight(running=True)], [], "v/3"),
        ([ENTRY], [sight(running=True)], [END], "v/3"),
        ([ENTRY], [sight(exited=True)], [], None),
        ([ENTRY], [], [END], None),
        ([], [sight(running=True)], [], "container cccccccc"),  # nobody remembers its claim
        ([], [sight()], [], "container cccccccc"),
        ([], [sight(exited=True)], [], None),
    ],
)
def test_M5_a_container_holds_its_gpus_until_it_ended(
    entries: list[HeldClaim], sights: list[ObservedContainer], ended: list[ExecutionEnd], held: str | None
) -> None:
    assert held_here(world(entries, sights, ended)).get("GPU-small") == ({held: 0} if held else None)


def test_M5_own_stages_on_a_gpu_are_no_fault_of_it() -> None:
    found = published(with_health(Health.BUSY), ["GPU-small"])
    assert [gpu.health for gpu in found] == ["ok", "ok", "ok"]
    assert [gpu.health for gpu in published(with_health(Health.LOST), ["GPU-small"])] == ["ok", "lost", "ok"]


@pytest.mark.parametrize("running", [True, False])
def test_M5_a_claim_is_not_renewed_while_its_old_container_ends_on_the_same_gpu(running: bool) -> None:
    """Its timeout ended it while the answer to a take-back was lost: the record names an id that nobody here knows."""
    story = Story(NEEDS)
    story.ask(request="start")
    record = story.ran(State.RUNNING)
    claim = record.claim.model_copy(update={"id": "d" * 32, "container": C, "node": "n"})
    story.now(1, claim=claim, gpus=("GPU-small",), result=None)
    entry = ENTRY.model_copy(update={"phase": "started", "stop": End.TIMEOUT})
    entry = entry.model_copy(update={"order": entry.order.model_copy(update={"execution": 1})})
    me = NodeIdentity("n", "i", Inventory(node="n", incarnation="i", gpus=ALL, slots=2))
    snapshot = Snapshot("m", "s", projects={"v": story.view}, inventories={"n": me.inventory})
    here = replace(
        world([entry], [sight(running=True)] if running else []), me=me, snapshot=snapshot, ids=("e" * 32, "f" * 32)
    )
    assert [grant.order.gpus for grant in decide(here).grants] == ([] if running else [("GPU-small",)])
