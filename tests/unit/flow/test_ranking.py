"""Which nodes could run a stage, which do, and in which order they try."""

import dataclasses

import pytest

from flow.fold.interpolation import Scope
from flow.fold.steps import Slot
from flow.node.node_states import NodeStanding, NodeState, standing
from flow.placement.grants import Asker
from flow.placement.ranking import (
    Candidate,
    Data,
    Placement,
    busy_counts,
    candidates,
    data_of,
    patience,
    place,
    steward_rank,
)
from schema.execution import State
from schema.inputs import Input, InputKind
from schema.node import NodeSettings
from schema.pipeline import Stage
from schema.reasons import Wait
from tests.unit.flow.builders import Node, Story, fleet, node, started


def candidate(told: Node, busy: int = 0) -> Candidate:
    return Candidate(*told, busy, standing=standing(fleet(Story(), told), told[0].node))


def slot(shun: frozenset[str] = frozenset(), **stage: object) -> Slot:
    wanted = Stage.model_validate({"name": "detect", "image": "i", **stage})
    return Slot(wanted, 1, "r", 1, Scope({}, {}, {}), None, {}, shun=shun)


def placed(wanted: Slot, *nodes: Candidate, pinned: str | None = None, data: Data | None = None) -> Placement:
    return place(wanted, nodes, who=Asker(node=pinned), data=data)


@pytest.mark.parametrize(
    ("stage", "told", "why"),
    [
        ({"node": {"name": "n2"}}, node("n1"), "n1: the stage wants node n2"),
        ({"node": {"labels": ["fast", "big"]}}, node("n1", labels=("big",)), "n1: lacks label fast"),
        ({"resources": {"pids": 9}}, node("n1", runner="process", limits=False), "its runner (process) cannot limit"),
        (
            {"resources": {"memory": "2GiB", "pids": 9}},
            node("n1", discards=("memory",)),
            "its engine cannot limit memory",
        ),
        ({"resources": {"memory": "2GiB"}}, node("n1", memory=2**30), "n1: has too little memory"),
        ({"resources": {"cpus": 4}}, node("n1", cpus=2), "n1: has 2 cores"),
    ],
)
def test_a_node_that_never_could_says_why(stage: dict[str, object], told: Node, why: str) -> None:
    found = placed(slot(**stage), candidate(told))
    assert (found.ranked, found.could, found.reason) == ((), (), Wait.NO_MATCHING_NODE)
    assert found.text.startswith("no node can run stage 'detect': ")
    assert why in found.text


def test_B6_a_limit_that_the_engine_keeps_is_none_that_it_discards() -> None:
    assert placed(slot(resources={"pids": 9}), candidate(node("n1", discards=("memory",)))).ranked == ("n1",)


def test_a_node_that_does_not_know_its_memory_is_not_ruled_out() -> None:
    assert placed(slot(resources={"memory": "2GiB"}), candidate(node("n1", memory=0))).ranked == ("n1",)


def test_labels_are_the_node_s_own_and_those_that_people_gave_it() -> None:
    told = node("n1", labels=("big",)), node("n2")
    assert placed(slot(node={"labels": ["big"]}), *map(candidate, told)).could == ("n1",)
    own = candidate((node("n3")[0].model_copy(update={"labels": ("big",)}), NodeSettings()))
    assert placed(slot(node={"labels": ["big"]}), own).could == ("n3",)


def reads(path: str, kind: InputKind = InputKind.FILE) -> Slot:
    scope = Scope({"video": path}, {"video": Input(type=kind)}, {})
    return dataclasses.replace(slot(), scope=scope)


def lacking(name: str, *paths: str, busy: int = 0) -> Candidate:
    return dataclasses.replace(candidate(node(name, slots=1), busy), lacks=frozenset(paths))


def test_M8_a_stage_goes_to_a_node_whose_pool_has_its_file() -> None:
    found = placed(reads("a.mp4"), lacking("n1", "a.mp4"), lacking("n2", "b.mp4"))
    assert (found.ranked, found.could) == (("n2",), ("n2",))
    assert found.text == "n1 has no a.mp4 in its pool"
    busy = placed(reads("a.mp4"), lacking("n1", "a.mp4"), lacking("n2", busy=1))
    assert (busy.ranked, busy.reason) == ((), Wait.RESOURCES)
    assert busy.text == "every slot of n2 is taken; n1 has no a.mp4 in its pool"


def test_a_file_that_no_pool_has_is_said_by_failing() -> None:
    found = placed(reads("a.mp4"), lacking("n1", "a.mp4"), lacking("n2", "a.mp4"))
    assert set(found.ranked) == {"n1", "n2"}
    assert placed(slot(), lacking("n1", "a.mp4")).ranked == ("n1",)


def sharing(name: str, *paths: str, bucket: str = "s3://lab", answers: bool = True, **more: object) -> Candidate:
    """One that lacks these files, and has this bucket."""
    found = lacking(name, *paths)
    state = NodeState.READY if answers else NodeState.SILENT
    inventory = found.inventory.model_copy(update={"bucket": bucket, **more})
    return dataclasses.replace(found, inventory=inventory, standing=NodeStanding(name, state))


def test_T5_a_file_that_another_node_may_leave_in_the_bucket_is_waited_for() -> None:
    """It cannot run the stage itself. Once it lacks the file as well, or is away, the stage fails and says so."""
    asks = dataclasses.replace(reads("a.mp4"), stage=slot(node={"labels": ["big"]}).stage)
    big = sharing("n1", "a.mp4", labels=("big",))
    waits = placed(asks, big, sharing("n2"), sharing("n3"))
    assert (waits.ranked, waits.could, waits.reason) == ((), ("n1",), Wait.RESOURCES)
    assert waits.text == (
        "n1 has no a.mp4 in its pool, and waits whether n2, n3 can leave it in s3://lab; "
        "`winslowctl files put` brings it at once"
    )
    for other in (
        sharing("n2", "a.mp4"),
        sharing("n2", bucket="s3://x"),
        sharing("n2", bucket=""),
        sharing("n2", answers=False),
    ):
        assert placed(asks, big, other).ranked == ("n1",)
    assert placed(asks, sharing("n1", labels=("big",)), sharing("n2")).ranked == ("n1",)
    folder = dataclasses.replace(reads("a.mp4", InputKind.FOLDER), stage=asks.stage)
    assert placed(folder, big, sharing("n2")).ranked == ("n1",), "folders are not left there"


def test_a_project_s_own_node_binds_unless_the_stage_names_one() -> None:
    both = candidate(node("n1")), candidate(node("n2"))
    assert placed(slot(), *both, pinned="n2").could == ("n2",)
    assert placed(slot(node={"name": "n1"}), *both, pinned="n2").could == ("n1",)


def test_without_any_node_nothing_is_blamed_on_one() -> None:
    assert placed(slot()).text == "no node can run stage 'detect': no node is alive"


def test_a_draining_node_takes_nothing_new() -> None:
    draining = candidate(node("n1", drain=True))
    found = placed(slot(), draining)
    assert (found.ranked, found.could, found.reason, found.text) == (
        (), ("n1",), Wait.DRAINING, "n1 could run it, but drains",
    )  # fmt: skip
    found = placed(slot(), draining, candidate(node("n2")))
    assert (found.ranked, found.could, found.reason) == (("n2",), ("n1", "n2"), None)


def test_a_busy_node_is_waited_for() -> None:
    found = placed(slot(), candidate(node("n1"), 2), candidate(node("n2", drain=True)))
    assert (found.ranked, found.could, found.reason) == ((), ("n1", "n2"), Wait.RESOURCES)
    assert found.text == "every slot of n1 is taken"


def test_people_may_set_the_slots_of_a_node() -> None:
    inventory, _ = node("n1")
    assert not Candidate(inventory, NodeSettings(slots=0), 0).free
    assert Candidate(inventory, NodeSettings(slots=5), 4).free


def test_a_workspace_binds_to_its_node_or_its_store() -> None:
    there, here = candidate(node("n1", store="nas")), candidate(node("n2"))
    found = placed(slot(), there, here, data=Data("n3", "nas"))
    assert found.ranked == ("n1",)
    found = placed(slot(), here, data=Data("n3"))
    assert (found.reason, found.could) == (Wait.NO_MATCHING_NODE, ())
    assert "n2: the workspace it builds on is on n3" in found.text
    assert placed(slot(), candidate(node("n3")), data=Data("n3")).ranked == ("n3",)


def test_the_order_is_loss_preference_data_and_load() -> None:
    one, two = candidate(node("n1", store="s")), candidate(node("n2", store="s"))
    assert placed(slot(shun=frozenset({"n1"})), one, two).ranked == ("n2", "n1")
    assert placed(slot(node={"prefer": ["n1"]}), one, two).ranked[0] == "n1"
    assert placed(slot(node={"prefer": ["n2"]}), one, two).ranked[0] == "n2"
    assert placed(slot(), one, two, data=Data("n1", "s")).ranked[0] == "n1"
    assert placed(slot(), one, two, data=Data("n2", "s")).ranked[0] == "n2"
    busier = candidate(node("n1"), 1)
    assert placed(slot(), busier, candidate(node("n2"))).ranked == ("n2", "n1")
    assert placed(slot(node={"prefer": ["n1"]}), busier, candidate(node("n2"))).ranked == ("n1", "n2")


def test_M11_who_has_the_files_goes_first_then_who_can_fetch_them() -> None:
    bucket, data = "s3://lab/p", Data("n1", "s", "s3://lab/p")
    holder, fetcher = candidate(node("n1", store="s"), 1), candidate(node("n2", store="t", bucket=bucket))
    found = placed(slot(), fetcher, holder, data=data)
    assert found.ranked == ("n1", "n2")
    assert found.text == f"n1 has the files, n2 can fetch them from {bucket}"
    assert placed(slot(), fetcher, data=data).ranked == ("n2",)
    stranger = candidate(node("n3", store="u"))
    assert f"n3: the workspace it builds on is on n1 and in {bucket}" in placed(slot(), stranger, data=data).text


def test_M11_a_node_that_lost_its_store_is_the_last_to_be_asked() -> None:
    bereft = candidate(node("n1", store="new", address="h:1"))
    shared, other = candidate(node("n2", store="s")), candidate(node("n3", store="t", key="k"))
    assert placed(slot(), bereft, shared, other, data=Data("n1", "s")).ranked == ("n2",)
    found = placed(slot(), bereft, other, data=Data("n1", "s"))
    assert (found.ranked, found.text) == (("n1",), "n1 has lost them with its store")
    waits = placed(slot(), bereft, other, data=Data("n1", "s", "s3://lab/p"))
    assert waits.reason is Wait.NO_MATCHING_NODE
    assert "n1: the workspace it builds on was lost with its former store" in waits.text


def test_a_rank_is_a_place_in_the_order() -> None:
    found = placed(slot(), candidate(node("n1")), candidate(node("n2"), 1))
    assert (found.rank("n1"), found.rank("n2"), found.rank("n3")) == (0, 1, None)
    assert [patience(rank, 5) for rank in (0, 1, 5, 50)] == [0, 10, 50, 50]


def test_equal_nodes_are_ordered_alike_everywhere_and_not_always_the_same() -> None:
    nodes = ["n1", "n2", "n3"]
    assert {steward_rank("n1", nodes, str(thing)) for thing in range(50)} == {0, 1, 2}
    for thing in map(str, range(20)):
        assert sorted(steward_rank(name, nodes, thing) for name in nodes) == [0, 1, 2]
        assert steward_rank("n1", reversed(nodes), thing) == steward_rank("n1", nodes, thing)


def test_only_nodes_that_are_known_and_alive_are_candidates() -> None:
    snapshot = fleet(Story(), node("n1"), node("n2", drain=True))
    found = candidates(snapshot, ["n2", "ghost"], {"n2": 1}, {})
    assert [(each.name, each.busy, each.settings.drain) for each in found] == [("n2", 1, True)]


def test_what_a_node_knows_of_itself_is_newer_than_what_it_wrote() -> None:
    newer = node("n1", slots=9)[0]
    [found] = candidates(fleet(Story(), node("n1")), ["n1"], {}, {}, newer)
    assert found.slots == 9


def test_active_executions_take_slots_and_lost_ones_do_not() -> None:
    story, other = started(), started()
    story.ran(State.RUNNING)
    other.ran(State.LOST)
    assert busy_counts(fleet({"v": story, "w": other}, node("n1"))) == {"n1": 1}


def test_a_workspace_lies_where_it_was_made() -> None:
    story = started()
    assert data_of(fleet(story, node("n1")), story.view, slot()) is None
    story.ran()
    building = Slot(slot().stage, 1, "r", 1, Scope({}, {}, {}), 1, {})
    assert data_of(fleet(story, node("n1", store="nas")), story.view, building) == Data("n1", "nas")
    assert data_of(fleet(story), story.view, building) == Data("n1")


def test_what_a_living_node_can_give_is_no_reason_to_stay() -> None:
    giver, taker, mute = node("n1", address="n1:1", key="k"), node("n2", key="k"), node("n3")
    data = Data("n1")
    found = placed(slot(), candidate(giver), candidate(taker), candidate(mute), data=data)
    assert found.ranked == ("n1", "n2"), "the one that has it comes first; one without a key cannot ask"
    assert placed(slot(), candidate(giver, busy=9), candidate(taker), data=data).ranked == ("n2",)
    assert placed(slot(), candidate(taker), data=data).reason is Wait.NO_MATCHING_NODE, "its holder is away"
    silent = node("n1", key="k")
    assert placed(slot(), candidate(silent), candidate(taker), data=data).ranked == ("n1",)


def test_G3_a_join_runs_where_every_result_that_it_needs_can_be_had() -> None:
    data = Data("n1", beside=(Data("n2"),))
    alone = placed(slot(), candidate(node("n1")), candidate(node("n2")), data=data)
    assert alone.reason is Wait.NO_MATCHING_NODE
    assert "n1: a result that it needs is on n2" in alone.text
    giving = candidate(node("n2", address="n2:1", key="k"))
    assert placed(slot(), candidate(node("n1", key="k")), giving, data=data).ranked == ("n1",)


def test_G3_what_a_slot_needs_is_its_workspace_and_every_result_beside_it() -> None:
    text = (
        "name: p\nstages: [{name: a, image: i}, {name: b, image: i, needs: []}, {name: c, image: i, needs: [a, b]}]\n"
    )
    story = started(text)
    story.ran()
    story.ran()
    story.now(2, claim=story.view.executions[1].claim.model_copy(update={"node": "n2"}))
    [join] = story.steps.slots
    found = data_of(fleet(story, node("n1"), node("n2")), story.view, join)
    assert found
    assert (found.node, [each.node for each in found.beside]) == ("n1", ["n2"])
